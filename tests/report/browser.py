"""Opens reports in Chromium, and notes everything that a report must not do."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from detector.report.facts import Dossier
from detector.report.page import page

SERIOUS = {"serious", "critical"}


def flags() -> list[str]:
    return [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]


class Viewer:
    """One report in one window."""

    def __init__(self, browser: Any, directory: Path) -> None:
        self.browser = browser
        self.path = directory / "report.html"
        self.noticed: list[str] = []
        """Console errors and warnings, errors of scripts, dialogs, requests."""
        self.busy = 0.0
        """Seconds that the main thread of the page worked until it was ready: other processes do not count."""
        self._contexts: list[Any] = []

    def open(self, dossier: Dossier, *, scheme: str = "light", bypass: bool = False, width: int = 1280) -> Any:
        """The page, once it says that it is ready. `bypass` takes the policy away: escaping stands alone."""
        self.path.write_text(page(dossier), encoding="utf-8")
        context = self.browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=bypass
        )
        context.set_default_timeout(150_000)  # on a slow machine a page takes its time
        self._contexts.append(context)
        opened = context.new_page()
        session = context.new_cdp_session(opened)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        opened.add_init_script("window.pwned = () => { document.documentElement.dataset.pwned = '1'; };")
        opened.on("console", self._console)
        opened.on("pageerror", lambda error: self.noticed.append(f"error: {error}"))
        opened.on("dialog", lambda dialog: self.noticed.append(f"dialog: {dialog.message}"))
        opened.on("request", lambda asked: self._request(asked.url))
        opened.on("popup", lambda _: self.noticed.append("popup"))
        opened.goto(self.path.as_uri())
        opened.wait_for_selector("html[data-ready]", timeout=150_000)
        measured = session.send("Performance.getMetrics")["metrics"]
        self.busy = next(each["value"] for each in measured if each["name"] == "TaskDuration")
        return opened

    def _console(self, said: Any) -> None:
        if said.type in {"error", "warning"}:
            self.noticed.append(f"{said.type}: {said.text}")

    def _request(self, url: str) -> None:
        if url not in {self.path.as_uri(), "data:,"}:
            self.noticed.append(f"request: {url}")

    def findings(self, opened: Any) -> list[str]:
        """Serious findings of axe; the page must have been opened with `bypass`."""
        opened.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
        found = opened.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        return [
            f"{each['id']}: {each['nodes'][0]['html'][:200]}"
            for each in found["violations"]
            if each["impact"] in SERIOUS
        ]

    def close(self) -> None:
        for context in self._contexts:
            context.close()
