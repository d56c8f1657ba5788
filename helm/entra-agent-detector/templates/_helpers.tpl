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

{{/* Volumes that the service and the jobs share; /tmp is of each, because its size is. */}}
{{- define "detector.volumes" -}}
- name: config
  configMap:
    name: {{ include "detector.fullname" . }}
    defaultMode: 0444
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
{{- end -}}

{{/* The volume of trained models; mounted where a pod needs it. */}}
{{- define "detector.modelsVolume" -}}
- name: models
  persistentVolumeClaim:
    claimName: {{ default (printf "%s-models" (include "detector.fullname" .)) .Values.models.existingClaim }}
{{- end -}}

{{/* Affinity of a job that writes models: on the node of the service, where only one node can mount the volume. */}}
{{- define "detector.besideService" -}}
{{- $affinity := deepCopy .Values.affinity -}}
{{- $pods := default dict $affinity.podAffinity -}}
{{- $service := merge (dict "app.kubernetes.io/component" "detector") (include "detector.selector" . | fromYaml) -}}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" $service) -}}
{{- $key := "requiredDuringSchedulingIgnoredDuringExecution" -}}
{{- $_ := set $pods $key (append (default list (get $pods $key | default list)) $term) -}}
{{- toYaml (set $affinity "podAffinity" $pods) -}}
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
{{- range .Values.cronJobs -}}
  {{- range .args -}}{{- if hasPrefix "https:" (lower .) -}}{{- $ports = append $ports (include "detector.portOf" . | int) -}}{{- end -}}{{- end -}}
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
{{- if and (not .Values.models.enabled) (hasPrefix "/models" (default "" (default dict .Values.config.model).path)) -}}
{{- fail "config.model.path: there is no volume of models. Set models.enabled." -}}
{{- end -}}
{{- if and .Values.models.enabled .Values.keda.enabled (eq .Values.models.accessMode "ReadWriteOnce") -}}
{{- fail "models.accessMode: KEDA stops the pod beside which jobs that write models would run. Use ReadWriteMany." -}}
{{- end -}}
{{- range $job, $spec := .Values.cronJobs -}}
{{- if and $spec.models (not $.Values.models.enabled) -}}
{{- fail (printf "cronJobs.%s.models: there is no volume of models. Set models.enabled." $job) -}}
{{- end -}}
{{- if eq (first $spec.args) "train" -}}
{{- include "detector.demandsOfTraining" (dict "root" $ "job" $job "spec" $spec) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What a job that trains needs to succeed on the second night, too. */}}
{{- define "detector.demandsOfTraining" -}}
{{- $typed := join " " .spec.args -}}
{{- if not .spec.models -}}
{{- fail (printf "cronJobs.%s.models: train writes a model, and this job has nowhere to. Set it to true." .job) -}}
{{- end -}}
{{- if not (and (regexMatch "--out[ =]/models/hours/?( |$)" $typed) (has "--dated" .spec.args)) -}}
{{- fail (printf "cronJobs.%s.args: a model is never written over. Say --out /models/hours --dated, so that every run adds a version." .job) -}}
{{- end -}}
{{- if regexMatch "(^| )https:" $typed -}}
{{- if not (regexMatch "--(identity[ =](workload|managed)|sas-file|connection-string-file)" $typed) -}}
{{- fail (printf "cronJobs.%s.args: say who reads the archive: --identity workload, --sas-file or --connection-string-file." .job) -}}
{{- end -}}
{{- if and (regexMatch "--identity[ =]workload" $typed) (not .root.Values.workloadIdentity.clientId) -}}
{{- fail (printf "workloadIdentity.clientId: cronJobs.%s reads the archive with the identity of the pod, and it has none." .job) -}}
{{- end -}}
{{- end -}}
{{- end -}}
