"""What depends on where the site stands: MkDocs calls this."""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig


def on_post_template(output_content: str, template_name: str, config: MkDocsConfig) -> str:
    """A sitemap names whole addresses: while nobody has said where the site stands, there is none."""
    return output_content if config.site_url or template_name != "sitemap.xml" else ""
