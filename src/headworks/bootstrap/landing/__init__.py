"""The page at `/`: what this is, where its endpoint is and how to use it, until a console takes its place.

`routes` serves it, `page` writes it from `page.html`; `style.css` is the only thing that it loads.
"""

from headworks.bootstrap.landing.routes import Describe, router

__all__ = ["Describe", "router"]
