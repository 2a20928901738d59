"""Sphinx configuration; every extension named here is a Debian package."""

project = "n0core"
copyright = "n0stack contributors"
extensions = ["myst_parser", "sphinx_copybutton"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["target"]
html_theme = "furo"
html_title = "n0core"
nitpicky = True
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
copybutton_prompt_text = r"\$ |jshell> "
copybutton_prompt_is_regexp = True
