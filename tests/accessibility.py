"""What axe finds wrong with a page, in light and in dark colors."""

from typing import Any

import pytest

COLORED = ["color-contrast", "link-in-text-block"]  # the rules that a change of colors can break


def assert_accessible(tab: Any) -> None:
    """No serious finding: by every rule in light colors, by those about colors in dark ones."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for scheme, options in (("light", {}), ("dark", {"runOnly": COLORED})):
        tab.emulate_media(color_scheme=scheme)
        tab.reload()
        found = axe.run(tab, options={"resultTypes": ["violations"], **options}).response["violations"]
        bad = [(one["id"], one["nodes"][0]["html"][:160]) for one in found if one["impact"] in ("serious", "critical")]
        assert bad == [], scheme
