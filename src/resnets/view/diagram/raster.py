"""A drawing as pixels."""

from pathlib import Path

from resnets.base.errors import InputError


def png(svg: str, *, width: int = 1600) -> bytes:
    """The SVG document as a PNG, `width` pixels wide, in its light colours.

    Letters come from DejaVu Sans, which matplotlib brings along, so that a picture is the same on every machine.
    Raises InputError where the package `resvg_py` is not installed, or `svg` is no SVG document.
    """
    try:
        import resvg_py
    except ImportError:
        raise InputError('PNG needs the package resvg_py, which is not installed: pip install "resnets[png]"') from None
    import matplotlib

    if width < 1:
        raise InputError(f"width = {width}: must be at least 1 pixel")
    try:
        return resvg_py.svg_to_bytes(
            svg_string=svg,
            width=width,
            font_dirs=[str(Path(matplotlib.get_data_path()) / "fonts" / "ttf")],
            font_family="DejaVu Sans",
            sans_serif_family="DejaVu Sans",
        )
    except ValueError as error:
        raise InputError(f"cannot be drawn as PNG: {error}") from error
