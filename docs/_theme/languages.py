"""What the site in two languages needs besides the plugin for it: MkDocs calls this."""

from __future__ import annotations

from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import Files, InclusionLevel
from mkdocs.structure.pages import Page

_NOTICE = "本页还没有中文版，以下是英文原文。"


@event_priority(-200)  # after the plugin, which gives files their places
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Source and packages are the same in each language: they stand on the site once, for pages in each."""
    plugin: Any = config.plugins["i18n"]
    language = plugin.current_language
    for file in files.documentation_pages():
        if file.src_uri.startswith(("source/", "reference/packages/")):
            here = {language: file} if plugin.is_default_language_build else {}
            file.alternates = here  # type: ignore[attr-defined]
            file.url = file.url.removeprefix(f"{language}/")
            if not here:
                file.inclusion = InclusionLevel.EXCLUDED
    plugin.i18n_files_per_language[language] = files.documentation_pages()
    return files


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """A page that is not in this language says so, and in which it is."""
    plugin: Any = config.plugins["i18n"]
    language = page.file.locale  # type: ignore[attr-defined]
    if language == plugin.current_language:
        return html
    notice = f'</h1>\n<p class="untranslated" lang="{plugin.current_language}">{_NOTICE}</p>'
    return f'<div lang="{language}">\n{html.replace("</h1>", notice, 1)}\n</div>'


def on_page_context(context: Any, page: Page, config: MkDocsConfig, nav: Any) -> Any:
    """Links to the other languages hold wherever on its host the site stands."""
    extra: Any = config.extra
    for language in extra.alternate:
        language["link"] = language["link"].lstrip("/") or "."
    return context


def on_template_context(context: Any, template_name: str, config: MkDocsConfig) -> Any:
    """From a page that is not there, a language leads to its first page."""
    plugin: Any = config.plugins["i18n"]
    extra: Any = config.extra
    extra.alternate = [{**each} for each in plugin.extra_alternate]
    return context
