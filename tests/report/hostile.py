"""Texts that would do harm on a page that trusts them; each of the 500 is another one.

Whatever of them runs raises `window.owned` or opens a dialog.
"""

from __future__ import annotations

_RUN = "window.owned=1"
_MARKUP = (
    "<script>{run}</script>",
    "<ScRiPt >{run}</sCrIpT >",
    "</script><script>{run}</script>",
    "<img src=x onerror={run}>",
    "<img src=x onerror=alert(1)>",
    "<svg onload={run}>",
    "<svg><script>{run}</script></svg>",
    "<body onload={run}>",
    "<iframe srcdoc='<script>parent.owned=1</script>'></iframe>",
    "<iframe src=javascript:parent.owned=1></iframe>",
    "<input autofocus onfocus={run}>",
    "<details open ontoggle={run}>",
    "<video><source onerror={run}></video>",
    "<a href=javascript:{run}>click</a>",
    "<form action=javascript:{run}><button>go</button></form>",
    "<object data='data:text/html,<script>parent.owned=1</script>'></object>",
    "<link rel=stylesheet href=//evil.example/a.css>",
    "<meta http-equiv=refresh content='0;url=javascript:{run}'>",
    "<style>@import '//evil.example/a.css';</style>",
    "<math><mtext><script>{run}</script></mtext></math>",
    "<!--<script>{run}</script>-->",
    "<![CDATA[<script>{run}</script>]]>",
    "{{{{ ''.__class__.__mro__ }}}} {{% raw %}} {{# x #}}",
    "${{{run}}} #{{{run}}} `{run}`",
    "\\u003cscript\\u003e{run}\\u003c/script\\u003e",
)
_AROUND = (
    "{x}",
    '"{x}',
    "'{x}",
    '">{x}',
    "'>{x}",
    "</blockquote></span>{x}",
    "]}}}}</script>{x}",
    "--></style></textarea>{x}",
    "\u202e{x}\u202c",
    "\u2066שלום {x}\u2069 مرحبا",
    "\x1b[31m{x}\x07\x08",
    "{x}\u2028{x}\u2029",
    "&lt;{x}&gt; &amp;amp; &#x3c;script&#x3e;",
    "` onmouseover={run} a=`{x}",
    '" onmouseover={run} data-x="{x}',
    "' onfocus={run} tabindex=1 autofocus x='{x}",
    "\ufeff\u200b{x}\u00ad",
    "𝓼𝓬𝓻𝓲𝓹𝓽 ﹤script﹥ {x}",
    "é̀̂̃" * 30 + "{x}",
    "word " * 40 + "{x}",
)


def hostile_texts() -> list[str]:
    """Return 500 different texts."""
    return [
        around.replace("{x}", markup.format(run=_RUN)).replace("{run}", _RUN)
        for markup in _MARKUP
        for around in _AROUND
    ]
