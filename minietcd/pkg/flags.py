"""How etcd's programs read flags: some kinds of values, and the variables that stand for flags.

Go: pkg/flags/flag.go
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from minietcd.pkg.strconv import quote
from minietcd.pkg.types import URLs, new_urls


class ShadowedError(Exception):
    """A variable says what a flag says too."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"conflicting environment variable {quote(key)} is shadowed by corresponding command-line flag "
            "(either unset environment variable or disable flag)"
        )


def set_flags_from_env(
    prefix: str,
    names: Collection[str],
    given: Collection[str],
    environ: Mapping[str, str],
    set_flag: Callable[[str, str, str], None],
    warn: Callable[[str], None],
) -> None:
    """Call ``set_flag`` (name, variable, text) for each of ``names`` that was not given and has a variable.

    Warns of variables that mean nothing. Raises ShadowedError, and what ``set_flag`` raises.

    Go: pkg/flags/flag.go#SetFlagsFromEnv
    Go: pkg/flags/flag.go#verifyEnv
    """
    keys = {flag_to_env(prefix, name): name for name in names}
    used = set()
    for key, name in keys.items():
        if name not in given and environ.get(key):
            used.add(key)
            set_flag(name, key, environ[key])
    for key, text in environ.items():
        if keys.get(key) in given:
            raise ShadowedError(key)
        if key.startswith(f"{prefix}_") and key not in used:
            warn(f"unrecognized environment variable {key}={text}")


def flag_to_env(prefix: str, name: str) -> str:
    """The variable that is flag ``name``: ETCD_DATA_DIR. Go: pkg/flags/flag.go#FlagToEnv"""
    return f"{prefix}_{name.upper().replace('-', '_')}"


def unique_urls(text: str, exception: str) -> URLs:
    """URLs between commas, each once; ``exception`` alone stands as it is, or for none. Raises URLError.

    Go: pkg/flags/unique_urls.go#NewUniqueURLsWithExceptions
    """
    if text == exception:
        return URLs([text] if text else [])
    return new_urls(set(text.split(",")))


def unique_strings(text: str) -> tuple[str, ...]:
    """Names between commas, each once, sorted. Go: pkg/flags/unique_strings.go#NewUniqueStringsValue"""
    return tuple(sorted(set(text.split(","))))


def one_of(*valid: str) -> Callable[[str], str]:
    """One of these words. Go: pkg/flags/selective_string.go#NewSelectiveStringValue"""

    def parse(text: str) -> str:
        if text not in valid:
            raise ValueError("invalid value")
        return text

    return parse
