"""HLO text, as `compiled.as_text()` and XLA's dumps print it -> the IR."""

from __future__ import annotations

import re
from typing import Any

from jaxflops.hlo.collector import paused_collector
from jaxflops.hlo.frames import Frames
from jaxflops.hlo.ir import Computation, Frame, HloError, Instruction, Module, instruction
from jaxflops.hlo.scanner import Scanner
from jaxflops.hlo.shape import Shape
from jaxflops.hlo.text_attributes import parse_attributes, parse_called
from jaxflops.hlo.text_frames import parse_metadata, read_tables
from jaxflops.hlo.text_operands import parse_arguments
from jaxflops.hlo.text_shapes import parse_shape, plain, split_top
from jaxflops.hlo.text_values import parse_frontend_attributes
from jaxflops.hlo.verify import verify

_MODULE = re.compile(r"\s*HloModule\s+([^\s,]+)")
_HEADER = re.compile(r"(ENTRY )?%?([^\s(){}=,]+)(?: (\(.*\)) -> (.*\S))? \{[ \t]*(?:\n|$)")
_CLOSE = re.compile(r"[ \t]*\}[^\n{}]*(?:\n|$)")
_NAME = re.compile(r"[ \t]*(ROOT )?%?([^\s(){}=,]+) = ")
_ARRAY = re.compile(r"[a-z]\w*\[[^\]\n]*\](?:\{[^{}\n]*\})?")
_OPCODE = re.compile(r" ?([a-z][\w-]*)(?=\()")
_KEY = re.compile(r", *([A-Za-z_][\w.-]*)(=?)")
# A word, or a brace without others inside: most values, told at once.
_PLAIN_VALUE = re.compile(
    r'(?:[^,\n{}\[\]()"]+|\{[^{}"\n]*(?:"(?:[^"\\\n]|\\.)*"[^{}"\n]*)*\})(?=,|\n|$)'
)
_END = re.compile(r"[ \t]*(?:\n|$)")
_COMMENT = re.compile(r"/\*.*?\*/")


def read_text(text: str) -> Module:
    """The module that `text` prints; raises HloError, naming the line, where it cannot be read."""
    scanner = Scanner(text.replace("\r\n", "\n"))
    try:
        with paused_collector():
            return verify(_Reader(scanner).module())
    except HloError:
        raise
    except (ValueError, LookupError) as error:
        scanner.fail(str(error))
    except RecursionError:
        scanner.fail("brackets nest too deeply")


class _Reader:
    """One module: the cursor, its frames and the computations read so far."""

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self.frames = Frames()
        self.computations: dict[str, Computation] = {}
        self.origins: dict[str, tuple[str, Frame | None]] = {}
        self.entry = ""

    def module(self) -> Module:
        header = self.scanner.take(_MODULE) or _not_hlo(self.scanner)
        said = self.attributes()
        self.scanner.blank()
        self.frames = read_tables(self.scanner)
        while not self.scanner.done():
            self.computation()
            self.scanner.blank()
        if not self.entry:
            self.scanner.fail("the module ends without an ENTRY computation")
        partitions = said.get("num_partitions")
        return Module(
            header[1],
            self.computations,
            self.entry,
            parse_frontend_attributes(said.get("frontend_attributes", "{}")),
            int(partitions) if partitions else 1,
        )

    def computation(self) -> None:
        header = self.scanner.expect(_HEADER, "a computation, `%name (parameters) -> shape {`")
        name, start = header[2], header.start()
        if name in self.computations or (header[1] and self.entry):
            self.scanner.fail(f"there are two of computation {name!r}", start)
        found: dict[str, Instruction] = {}
        root = ""
        while not self.scanner.take(_CLOSE):
            is_root, instruction = self.instruction(found)
            found[instruction.name] = instruction
            root = instruction.name if is_root else root
        if not root:
            self.scanner.fail(f"computation {name!r} has no ROOT", start)
        computation = self.computations[name] = Computation(name, found, root)
        if header[1]:
            self.entry = name
        if header[3] and not _matches(computation, header[3], header[4]):
            self.scanner.fail(f"{name!r} does not have the parameters and result it says", start)

    def instruction(self, found: dict[str, Instruction]) -> tuple[bool, Instruction]:
        scanner = self.scanner
        start = scanner.at
        head = scanner.expect(_NAME, "an instruction, `%name = shape opcode(operands)`, or `}`")
        shape = self.shape()
        opcode = scanner.expect(_OPCODE, "an opcode and its operands in brackets")[1]
        inside = scanner.bracketed(multiline=opcode == "constant")
        said = self.attributes()
        try:
            fields = self.fields(opcode, said)
            fields |= parse_arguments(opcode, shape, inside, found)
        except ValueError as error:
            scanner.fail(f"{opcode} {head[2]!r}: {error}", start)
        if head[2] in found:
            scanner.fail(f"there are two instructions named {head[2]!r}", start)
        return bool(head[1]), instruction(head[2], opcode, shape, fields)

    def shape(self) -> Shape:
        scanner = self.scanner
        start = scanner.at
        if scanner.text.startswith("(", start):
            scanner.bracketed()
        elif scanner.text.startswith("b(", start):
            scanner.at += 1
            scanner.bracketed()
        else:
            scanner.expect(_ARRAY, "a shape such as f32[8,128]{1,0}")
        try:
            return parse_shape(scanner.text[start : scanner.at])
        except ValueError as error:
            scanner.fail(str(error), start)

    def attributes(self) -> dict[str, str]:
        """`, key=value` to the end of the line; a key without `=` has the value "true"."""
        scanner = self.scanner
        said: dict[str, str] = {}
        while key := scanner.take(_KEY):
            plain = scanner.take(_PLAIN_VALUE) if key[2] else None
            value = plain[0] if plain else scanner.value() if key[2] else "true"
            if key[1] == "device_ids" and "replica_groups" in said:
                said["replica_groups"] += f", device_ids={value}"  # one value, with a comma
            elif key[1] in said:
                scanner.fail(f"attribute {key[1]!r} stands twice", key.start())
            else:
                said[key[1]] = value
        scanner.expect(_END, "the end of the line or `, attribute=value`")
        return said

    def fields(self, opcode: str, said: dict[str, str]) -> dict[str, Any]:
        if not said:
            return {}
        fields = parse_attributes(opcode, said)
        called = parse_called(said)
        for name in called:
            if name not in self.computations:
                raise ValueError(f"it calls {name!r}, which is not defined above")
        if called:
            fields["called"] = called
        if "metadata" in said:
            fields["op_name"], fields["frame"] = self.origin(said["metadata"])
        return fields

    def origin(self, metadata: str) -> tuple[str, Frame | None]:
        """`op_name` and frame; instructions of one operation repeat the same metadata."""
        known = self.origins.get(metadata)
        if known is None:
            known = self.origins[metadata] = parse_metadata(metadata[1:-1], self.frames)
        return known


def _matches(computation: Computation, parameters: str, result: str) -> bool:
    """Whether a computation is what its header says, layouts apart."""
    said = [part.partition(":")[2] for part in split_top(_COMMENT.sub("", parameters[1:-1]))]
    given = [parameter.shape for parameter in computation.parameters]
    shapes = zip([*said, result], [*given, computation.result.shape], strict=False)
    return len(said) == len(given) and all(
        plain(parse_shape(text)) == plain(shape) for text, shape in shapes
    )


_FOREIGN = (
    ("stablehlo", "it is StableHLO: pass the Lowered itself, or lowered.as_text(dialect='hlo')"),
    ("module @", "it is MLIR: pass the Lowered itself, or lowered.as_text(dialect='hlo')"),
    ("{ lambda", "it is a jaxpr: pass the ClosedJaxpr itself"),
    ("define ", "it is LLVM IR: pass the HLO dump beside it"),
)


def _not_hlo(scanner: Scanner) -> Any:
    """Fail, with what the text seems to be."""
    start = scanner.text[:100_000]
    hint = next((hint for mark, hint in _FOREIGN if mark in start), "is it an HLO text dump?")
    scanner.fail(f"it does not begin with `HloModule <name>`; {hint}")
