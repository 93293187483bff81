"""The house's order: imports point down, and JAX's private modules are behind three doors."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "jaxflops"
FILES = sorted(PACKAGE.rglob("*.py"))

# From the bottom up; a module may import its own layer and the ones below it.
LAYERS = [
    {"_version", "errors", "polynomial", "cost"},
    {"formulas", "tree", "quantities", "conventions", "branches", "executions"},
    {"jaxpr", "hlo", "machine"},
    {"targets"},
    {"views", "coverage", "contractions", "differentiated", "substitute", "compare", "attribution"},
    {"phased", "viewed"},
    {"report"},
    {"results"},
    {"interpolated"},
    {"analysis"},
    {"compiled"},
    {"comparison"},
    {"roofline"},
    {"executed", "measurement", "measuring", "profiled", "profiling"},
    {"models", "meter", "testing", "frameworks"},
    {"__init__"},
    {"cli", "__main__"},
]
LANES = {"jaxpr", "hlo", "machine"}
PRIVATE = ("jax._src", "jaxlib._jax", "jaxlib.xla_client", "jaxlib.hlo")
DOORS = ("jaxpr/_jax.py", "hlo/module.py", "targets/")


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def level(name: str) -> int:
    found = [i for i, names in enumerate(LAYERS) if name in names]
    assert found, f"{name} has no place in the order: add it to LAYERS"
    return found[0]


def imported(path: Path) -> list[str]:
    """Module paths that a file imports, those under TYPE_CHECKING excepted."""
    tree = ast.parse(path.read_text())
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    own = room(path)
    for module in imported(path):
        parts = module.split(".")
        if parts[0] != "jaxflops" or len(parts) < 2 or not is_room(parts[1]):
            continue
        other = parts[1]
        assert level(other) <= level(own), f"{path} imports {module}, which lies above it"
        both = {own, other} & LANES
        assert own == other or len(both) < 2, f"{path} imports {module}: lanes meet in the tree"


def is_room(name: str) -> bool:
    return (PACKAGE / f"{name}.py").exists() or (PACKAGE / name).is_dir()


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_private_modules_stay_behind_their_doors(path: Path) -> None:
    if str(path.relative_to(PACKAGE)).startswith(DOORS):
        return
    private = [m for m in imported(path) if m.startswith(PRIVATE)]
    assert not private, f"{path} imports {private}; ask jaxpr/_jax.py or hlo/module.py for it"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_hold_one_job(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 250


def test_modules_of_tests_have_names_of_their_own() -> None:
    """Of two with one name pytest can collect only one, and stops."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert len(names) == len(set(names)), sorted(names)


def test_only_the_terminal_needs_rich() -> None:
    users = {
        room(p) + "/" + p.name for p in FILES if any(m.startswith("rich") for m in imported(p))
    }
    assert users <= {"report/terminal.py"}
