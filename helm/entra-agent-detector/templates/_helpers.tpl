{{/* Name of the application in labels. */}}
{{- define "detector.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of the resources. At most 40 characters, because a CronJob adds 11 and a StatefulSet its hash. */}}
{{- define "detector.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "detector.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "detector.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What a selector may use: never changes in the life of a release. */}}
{{- define "detector.selector" -}}
app.kubernetes.io/name: {{ include "detector.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "detector.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "detector.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ include "detector.name" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "detector.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "detector.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "detector.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* What Pod Security's restricted profile asks for, and more. Not to be configured away. */}}
{{- define "detector.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.runAsUser }}
runAsGroup: {{ .Values.runAsGroup }}
fsGroup: {{ .Values.runAsGroup }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "detector.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: {{ .Values.runAsUser }}
runAsGroup: {{ .Values.runAsGroup }}
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Volumes that the service and the jobs share. */}}
{{- define "detector.volumes" -}}
- name: config
  configMap:
    name: {{ include "detector.fullname" . }}
    defaultMode: 0444
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- range $number, $secret := .Values.secrets }}
- name: secret-{{ $number }}
  secret:
    secretName: {{ $secret.name }}
    # For the group of the process, which the kubelet gives the files to.
    defaultMode: 0440
    {{- with $secret.items }}
    items:
      {{- toYaml . | nindent 6 }}
    {{- end }}
{{- end }}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "detector.mounts" -}}
- name: config
  mountPath: /config
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- range $number, $secret := .Values.secrets }}
- name: secret-{{ $number }}
  mountPath: {{ $secret.mountPath }}
  readOnly: true
{{- end }}
{{- with .Values.volumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Where the pod may run. */}}
{{- define "detector.placement" -}}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The port of a URL: what it says, else that of its scheme. */}}
{{- define "detector.portOf" -}}
{{- $url := urlParse . -}}
{{- $said := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- if $said }}{{ $said }}{{ else if eq $url.scheme "http" }}80{{ else }}443{{ end -}}
{{- end -}}

{{/* TCP ports of everything outside the cluster that the configuration speaks to, as JSON. */}}
{{- define "detector.outsidePorts" -}}
{{- $ports := list -}}
{{- $config := .Values.config -}}
{{- $sinks := default dict $config.sinks -}}
{{- with (default dict $config.source).event_hubs -}}
  {{- $said := regexFind ":[0-9]+/?$" (default "" .endpoint) | trimPrefix ":" | trimSuffix "/" -}}
  {{- if $said -}}{{- $ports = append $ports (int $said) -}}
  {{- else if eq (default "amqp" .transport) "websocket" -}}{{- $ports = append $ports 443 -}}
  {{- else -}}{{- $ports = append $ports 5671 -}}{{- end -}}
  {{- if or .mirror (not .connection_string_file) -}}{{- $ports = append $ports 443 -}}{{- end -}}
{{- end -}}
{{- if $config.inventory -}}{{- $ports = append $ports 443 -}}{{- end -}}
{{- range (default list $sinks.event_hubs) -}}
  {{- $ports = append $ports (ternary 443 5671 (default false .web_socket)) -}}
  {{- if not .connection_string_file -}}{{- $ports = append $ports 443 -}}{{- end -}}
{{- end -}}
{{- range (concat (default list $sinks.slack) (default list $sinks.teams)) -}}{{- $ports = append $ports 443 -}}{{- end -}}
{{- range (default list $sinks.log_analytics) -}}
  {{- $ports = append (append $ports 443) (include "detector.portOf" .endpoint | int) -}}
{{- end -}}
{{- range (concat (default list $sinks.alertmanagers) (default list $sinks.webhooks)) -}}
  {{- if not .url -}}{{- $ports = append $ports 443 -}}
  {{- else if hasPrefix "https:" (lower .url) -}}{{- $ports = append $ports (include "detector.portOf" .url | int) -}}{{- end -}}
{{- end -}}
{{- range .Values.networkPolicy.extraEgressPorts -}}{{- $ports = append $ports (int .) -}}{{- end -}}
{{- $ports | uniq | sortAlpha | toJson -}}
{{- end -}}

{{/* TCP ports of sinks inside the cluster: those that are spoken to without TLS. */}}
{{- define "detector.clusterPorts" -}}
{{- $ports := list -}}
{{- $sinks := default dict .Values.config.sinks -}}
{{- range (concat (default list $sinks.alertmanagers) (default list $sinks.webhooks)) -}}
  {{- if and .url (hasPrefix "http:" (lower .url)) -}}{{- $ports = append $ports (include "detector.portOf" .url | int) -}}{{- end -}}
{{- end -}}
{{- $ports | uniq | sortAlpha | toJson -}}
{{- end -}}

{{/* What values alone cannot say is wrong. Not while linting: the values of the chart alone name no source. */}}
{{- define "detector.demands" -}}
{{- $source := default dict .Values.config.source -}}
{{- $hub := default dict $source.event_hubs -}}
{{- if not (or $source.event_hubs $source.files) -}}
{{- fail "config.source: say where the records come from, e.g. config.source.event_hubs.namespace and config.source.event_hubs.hub; docs/kubernetes.md has an example." -}}
{{- end -}}
{{- if and $source.event_hubs (not $hub.connection_string_file) (eq (default "workload" $hub.identity) "workload") (not .Values.workloadIdentity.clientId) -}}
{{- fail "workloadIdentity.clientId: config.source.event_hubs is reached with the identity of the pod, and it has none. Set the client id, or config.source.event_hubs.connection_string_file and secrets." -}}
{{- end -}}
{{- if has .Values.config.telemetry.host (list "127.0.0.1" "localhost" "::1") -}}
{{- fail "config.telemetry.host: in a pod it has to be 0.0.0.0 or \"::\", else neither the kubelet nor Prometheus reaches it." -}}
{{- end -}}
{{- if not (hasPrefix "/data/" .Values.config.store.directory) -}}
{{- fail "config.store.directory: it has to lie in /data, where the volume is; everything else is read-only or lost with the pod." -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.config.evidence) -}}
{{- fail "ingress.enabled: there is nothing to reach. Set config.evidence, or leave the Ingress out." -}}
{{- end -}}
{{- if and .Values.config.evidence (ne (default "127.0.0.1" .Values.config.evidence.host) "0.0.0.0") (ne (default "127.0.0.1" .Values.config.evidence.host) "::") -}}
{{- fail "config.evidence.host: in a pod it has to be 0.0.0.0 or \"::\", else nobody reaches it." -}}
{{- end -}}
{{- if and .Values.keda.enabled (not $hub.mirror) -}}
{{- fail "keda.enabled: KEDA looks at positions in Blob Storage. Set config.source.event_hubs.mirror.container." -}}
{{- end -}}
{{- if and .Values.keda.enabled (not $hub.namespace) -}}
{{- fail "keda.enabled: KEDA is told the hub by config.source.event_hubs.namespace and .hub, not by a connection string." -}}
{{- end -}}
{{- end -}}
