"""Records in other clothes: rows of Log Analytics, resources of Microsoft Graph, keys in lower case.

Each becomes the shape of the export (`category`, `tenantId`, `time`, `properties`), so that one file a category
knows its spellings and everything behind it sees one form.
"""

from __future__ import annotations

import re
from typing import Final

from detector.decode.categories import BY_NAME, NOT_READ_NAMES
from detector.decode.fields import NO_TENANT, UNSTATED
from detector.decode.fitting import unpacked
from detector.decode.problems import Unusable

_TENANT = re.compile(r"/tenants/([^/]+)", re.IGNORECASE)

_TABLES: Final = {
    "signinlogs": "signinlogs",
    "aadnoninteractiveusersigninlogs": "noninteractiveusersigninlogs",
    "aadserviceprincipalsigninlogs": "serviceprincipalsigninlogs",
    "aadmanagedidentitysigninlogs": "managedidentitysigninlogs",
    "microsoftserviceprincipalsigninlogs": "microsoftserviceprincipalsigninlogs",
    "aadmicrosoftserviceprincipalsigninlogs": "microsoftserviceprincipalsigninlogs",
    "auditlogs": "auditlogs",
    "aadcustomsecurityattributeauditlogs": "customsecurityattributeauditlogs",
    "aadriskyagents": "riskyagents",
    "aadagentriskevents": "agentriskevents",
    "aadriskyserviceprincipals": "riskyserviceprincipals",
    "aadserviceprincipalriskevents": "serviceprincipalriskevents",
    "aadriskyusers": "riskyusers",
    "aaduserriskevents": "userriskevents",
    "aadprovisioninglogs": "provisioninglogs",
    "adfssigninlogs": "adfssigninlogs",
    "networkaccesstraffic": "networkaccesstrafficlogs",
    "microsoftgraphactivitylogs": "microsoftgraphactivitylogs",
}
"""Tables of Log Analytics by name in lower case, and their categories."""

_RESOURCES: Final = {
    "directoryaudit": "auditlogs",
    "riskyagent": "riskyagents",
    "agentriskdetection": "agentriskevents",
    "riskyserviceprincipal": "riskyserviceprincipals",
    "serviceprincipalriskdetection": "serviceprincipalriskevents",
    "riskyuser": "riskyusers",
    "riskdetection": "userriskevents",
    "provisioningobjectsummary": "provisioninglogs",
}
"""Resource types of Microsoft Graph in lower case, and their categories; `signIn` says its kind elsewhere."""

_MEMBERS: Final = (
    ({"activitydatetime", "activitydisplayname"}, "auditlogs"),
    ({"riskeventtype", "identitytype"}, "agentriskevents"),
    ({"riskeventtype", "agentid"}, "agentriskevents"),
    ({"riskeventtype", "serviceprincipalid"}, "serviceprincipalriskevents"),
    ({"riskeventtype"}, "userriskevents"),
    ({"risklastmodifieddatetime"}, "riskyagents"),
    ({"risklastupdateddatetime", "userprincipalname"}, "riskyusers"),
    ({"risklastupdateddatetime"}, "riskyserviceprincipals"),
    ({"requestid", "requesturi"}, "microsoftgraphactivitylogs"),
)
"""What tells a resource without a type annotation; the first that fits."""

_SIGN_INS: Final = {
    "serviceprincipal": "serviceprincipalsigninlogs",
    "managedidentity": "managedidentitysigninlogs",
    "noninteractiveuser": "noninteractiveusersigninlogs",
    "interactiveuser": "signinlogs",
}

_RENAMED: Final = {"resourceidentity": "resourceid", "locationdetails": "location"}
"""Columns whose own name means something else in the export."""


class LeftOut(Exception):  # noqa: N818 -- it names a fate of the record, not a fault of the program
    """The record is of a category that is not read; the category, and whether it is a known one."""

    def __init__(self, category: str, known: bool) -> None:
        super().__init__(category)
        self.category: Final = category
        self.known: Final = known


def regular(record: dict[str, object]) -> dict[str, object]:
    """The record in the shape of the export; `category` is spelled as documented.

    Raises `LeftOut`, or `Unusable` for what is no record of any kind known here.
    """
    said = folded(record)
    properties = unpacked(said.get("properties"))
    category = _category(said, properties)
    name = BY_NAME.get(category)
    if name is None:
        raise LeftOut(category, category in NOT_READ_NAMES)
    if isinstance(properties, dict):
        inner = folded(properties)
    elif "properties" not in said and said.keys() & {"id", "requestid"}:
        inner = _columns(said)
    else:
        raise Unusable("unsupported_shape", "the record has no properties")
    _complete(category, said, inner)
    return {
        "category": name[0],
        "tenantId": _tenant(said, inner),
        "time": said.get("time") or said.get("timegenerated") or UNSTATED,
        "callerIpAddress": said.get("calleripaddress"),
        "properties": inner,
    }


def _category(said: dict[str, object], properties: object) -> str:
    """The category in lower case; raises `Unusable` where nothing tells."""
    table = said.get("type")
    if isinstance(table, str) and table.casefold() in _TABLES and not isinstance(properties, dict):
        return _TABLES[table.casefold()]
    stated = said.get("category")
    if isinstance(properties, dict) and stated is None:
        return _category(folded(properties), None)
    if isinstance(stated, str) and (isinstance(properties, dict) or _is_category(stated)):
        return stated.casefold()
    if isinstance(properties, dict):
        raise Unusable("wrong_type", "category should be str")
    inferred = _inferred(said)
    if inferred is None:
        if isinstance(stated, str) and "time" in said:
            return stated.casefold()
        raise Unusable("unsupported_shape", "the record has no category and is of no known kind")
    return inferred


def folded(members: dict[str, object]) -> dict[str, object]:
    """The members of an object by name in lower case, without nulls and without the zone in a column's title.

    Where several names fold to one, one in the case of the export (it begins small) goes before the others.
    """
    by_name: dict[str, object] = {}
    proper: set[str] = set()
    for key, value in members.items():
        name = key.casefold().removesuffix(" [utc]")
        if value is None or (name in proper and not key[:1].islower()):
            continue
        by_name[name] = value
        if key[:1].islower():
            proper.add(name)
    return by_name


def _is_category(stated: str) -> bool:
    return stated.casefold() in BY_NAME or stated.casefold() in NOT_READ_NAMES


def _inferred(said: dict[str, object]) -> str | None:
    """The category of a resource of Graph, or of a row without `Type`, from its type annotation or its members."""
    annotation = said.get("@odata.type")
    kind = annotation.rpartition(".")[2].casefold() if isinstance(annotation, str) else ""
    if kind == "signin" or (not kind and said.keys() >= {"createddatetime", "appid"}):
        return _sign_in(said)
    members = (category for needed, category in _MEMBERS if said.keys() >= needed)
    return _RESOURCES.get(kind) or next(members, None)


def _sign_in(said: dict[str, object]) -> str:
    """The kind of a Graph `signIn`: `signInEventTypes` on beta, else who is named."""
    kinds = unpacked(said.get("signineventtypes"))
    for kind in kinds if isinstance(kinds, list) else ():
        if isinstance(kind, str) and kind.casefold() in _SIGN_INS:
            return _SIGN_INS[kind.casefold()]
    if not said.get("userid") and said.get("serviceprincipalid"):
        return "serviceprincipalsigninlogs"
    return "noninteractiveusersigninlogs" if said.get("isinteractive") is False else "signinlogs"


def _columns(said: dict[str, object]) -> dict[str, object]:
    """The members of a flat record as properties, with the renamed columns under their own names."""
    inner = {key: value for key, value in said.items() if value != ""}
    resource = inner.get("resourceid")
    if isinstance(resource, str) and resource.startswith("/"):
        del inner["resourceid"]
    for column, name in _RENAMED.items():
        if column in inner:
            inner[name] = inner.pop(column)
    return inner


def _complete(category: str, said: dict[str, object], inner: dict[str, object]) -> None:
    """What the export says in two places, filled in where a record says it in the other one only."""
    if category.endswith("signinlogs"):
        inner.setdefault("ipaddress", said.get("calleripaddress") or "")
        inner.setdefault("appid", "")
        inner.setdefault("serviceprincipalname", inner.get("appdisplayname") or "")
        place = unpacked(inner.get("location", said.get("location")))
        if isinstance(place, str):
            place = {"countryOrRegion": place}
        inner["location"] = place
        _complete_status(said, inner)
    elif category.endswith("auditlogs"):
        inner.setdefault("activitydisplayname", said.get("operationname"))
    elif category == "microsoftgraphactivitylogs":
        inner.setdefault("timegenerated", said.get("time"))


def _complete_status(said: dict[str, object], inner: dict[str, object]) -> None:
    status = unpacked(inner.get("status"))
    if status is None or isinstance(status, str):
        status = {}
    if isinstance(status, dict) and folded(status).get("errorcode") is None:
        result = said.get("resulttype")
        if result is None:
            raise Unusable("unsupported_shape", "neither properties.status.errorCode nor resultType is there")
        if isinstance(result, str):
            result = result.strip()
        status = {"errorCode": result}
    inner["status"] = status


def _tenant(said: dict[str, object], inner: dict[str, object]) -> object:
    """The tenant: stated, or in the resource id of the envelope, or that of the resource, or not known.

    In a row of Log Analytics `TenantId` is the workspace, so `AADTenantId` and the resource id go first.
    """
    if said.get("aadtenantid"):
        return said["aadtenantid"]
    found = None
    resource = said.get("resourceid")
    if isinstance(resource, str):
        found = _TENANT.search(resource)
    is_row = "timegenerated" in said
    if not is_row and said.get("tenantid"):
        return said["tenantid"]
    if found:
        return found.group(1)
    return (not is_row and inner.get("tenantid")) or inner.get("resourcetenantid") or NO_TENANT
