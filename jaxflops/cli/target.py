"""Find what `module:function` or `path/to/file.py:function` names."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from jaxflops.cli.values import near
from jaxflops.errors import JaxflopsError

_LISTED = 8
EXAMPLE = "jaxflops.models:two_layer or path/to/file.py:loss"


def load(text: str) -> Any:
    """The object that `text` names; dots after the colon reach into classes and objects.

    Raises JaxflopsError for what is not there, with names that are.
    """
    place, _, path = text.rpartition(":")
    if not place or not path:
        raise JaxflopsError(f"{text!r} names no function; write {_guess(text.strip(':'))}")
    found: Any = _load_file(Path(place)) if _is_path(place) else _import(place)
    for name in path.split("."):
        if not hasattr(found, name):
            raise JaxflopsError(f"{place} has no {name!r}{_alternatives(found, name)}")
        found = getattr(found, name)
    return found


def _is_path(place: str) -> bool:
    return place.endswith(".py") or os.sep in place or "/" in place


def _guess(text: str) -> str:
    """What was probably meant by text without a colon, or how to write it."""
    module, _, name = text.rpartition(".")
    here = _exists(text)  # imports the modules above it
    if callable(getattr(sys.modules.get(module), name, None)):
        return f"{module}:{name}"
    if here or _is_path(text):
        return f"{text}:function, with a function that it defines"
    return f"{module}:{name}" if _exists(module) else f"module:function, as in {EXAMPLE}"


def _exists(module: str) -> bool:
    try:
        return bool(module) and importlib.util.find_spec(module) is not None
    except (ImportError, AttributeError, ValueError):
        return False


def _import(name: str) -> ModuleType:
    importlib.invalidate_caches()  # a file may have been written since Python looked
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _broken(name, error) from error
        raise JaxflopsError(
            f"no module {error.name!r} in {Path.cwd()} or in this environment"
            + (near(name, _modules(name)) or "; write module:function or path/to/file.py:function")
        ) from error
    except (Exception, SystemExit) as error:
        raise _broken(name, error) from error


def _load_file(path: Path) -> ModuleType:
    """Run a file as a module, its folder importable from then on, as `python file.py` has it."""
    if not path.is_file():
        beside = [str(other) for other in path.parent.glob("*.py")] if path.parent.is_dir() else []
        raise JaxflopsError(f"no file {path} in {Path.cwd()}{near(str(path), beside)}")
    name = path.stem if path.stem not in sys.modules else f"jaxflops_target_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise JaxflopsError(f"{path} is no Python file; write path/to/file.py:function")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise _broken(str(path), error) from error
    return module


def _broken(place: str, error: BaseException) -> JaxflopsError:
    first = (str(error).splitlines() or [""])[0]
    return JaxflopsError(
        f"importing {place} failed: {type(error).__name__}: {first} "
        "(make `python -c 'import ...'` of it work first; --debug shows where)"
    )


def _modules(name: str) -> list[str]:
    """Modules beside the one that is missing."""
    parent, _, _ = name.rpartition(".")
    if not parent:
        return [m.name for m in pkgutil.iter_modules()]
    try:
        folder = importlib.import_module(parent).__path__
    except (ImportError, AttributeError):
        return []
    return [f"{parent}.{m.name}" for m in pkgutil.iter_modules(folder)]


def _alternatives(found: Any, name: str) -> str:
    """Near names, or what there is."""
    public = [n for n in dir(found) if not n.startswith("_") and callable(getattr(found, n, None))]
    if close := near(name, public):
        return close
    if isinstance(found, ModuleType):  # its own functions, not what it imported
        own = found.__name__
        public = [
            n
            for n in public
            if str(getattr(getattr(found, n), "__module__", "")) == own
            or hasattr(getattr(found, n), "example_args")
        ]
    more = ", ..." if len(public) > _LISTED else ""
    return f"; it has {', '.join(public[:_LISTED])}{more}" if public else "; it has no functions"
