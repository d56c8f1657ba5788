"""Takes secrets out of texts that libraries wrote: connection strings, signatures, tokens.

Nothing of the product's own puts a secret into a line; libraries do, in the texts of their errors. The forms are those
of Azure: connection strings (`SharedAccessKey=`, `AccountKey=`), shared access signatures (`sig=`), and what the
`Authorization` header of RFC 9110 holds (`Bearer`, `Basic`), with JSON Web Tokens of RFC 7519 wherever they stand.
"""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "[secret]"

_NAMES: Final = (
    r"shared[\s_-]*access[\s_-]*(?:key(?!\s*name|_name|name)|signature)|(?:storage[\s_-]*)?account[\s_-]*key|sig|signature"
    r"|(?:client|app)[\s_-]*secret|client[\s_-]*assertion|(?:access|refresh|id|sas|auth)[\s_-]*token|token|passw(?:or)?d|pwd"
    r"|(?:api|subscription|primary|secondary|master|private|ocp-apim-subscription)[\s_-]*key|x-functions-key"
    r"|authorization"
)
_NAMED: Final = re.compile(
    rf"""(?ix)
    (?<![A-Za-z0-9]) (?P<name> {_NAMES.replace(" ", "")} ) (?P<mark> ["']? \s* (?:=|:|%3d) \s* )
    (?: (?: Bearer | Basic | SharedAccessSignature | Negotiate ) \s+ )?
    (?: "[^"]*" | '[^']*' | [^\s;&,"'<>()\[\]{{}}]+ )
    """
)
_SCHEMES: Final = re.compile(r"(?i)\b(Bearer|Basic|SharedAccessSignature|Negotiate)(\s+|%20|\+)[^\s\"',;<>]{6,}")
_COOKIE: Final = re.compile(r"(?i)\b((?:set-)?cookie[\"']?\s*[:=]\s*)[^\r\n]+")
_JWT: Final = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}")
_USERINFO: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://)[^\s/@:]*:[^\s/@]+@")
_KEY: Final = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{42,86}={1,2}(?![A-Za-z0-9+/=])")
_PEM: Final = re.compile(r"-----BEGIN [A-Z ]*-----.*?(?:-----END [A-Z ]*-----|$)", re.DOTALL)


MAX_TEXT: Final = 4_096
"""How many characters of a text are looked at and kept; a line shows fewer."""


def scrubbed(text: str) -> str:
    """The beginning of the text with `MASK` where a secret stood, as far as its form gives it away."""
    text = text[:MAX_TEXT]
    text = _PEM.sub(MASK, text)
    text = _COOKIE.sub(rf"\1{MASK}", text)
    text = _SCHEMES.sub(rf"\1\2{MASK}", text)
    text = _NAMED.sub(rf"\g<name>\g<mark>{MASK}", text)
    text = _JWT.sub(MASK, text)
    text = _USERINFO.sub(rf"\1{MASK}@", text)
    return _KEY.sub(MASK, text)
