project = "trustkit"
author = "The trustkit authors"
copyright = "The trustkit authors"
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "trustkit"
myst_heading_anchors = 3
