"""Exact, attributed costs of JAX programs: what is asked for, what is compiled, what runs."""

from jaxflops._version import __version__ as __version__
from jaxflops.analysis import analyze as analyze
from jaxflops.analysis import interpolate as interpolate
from jaxflops.cost import Cost as Cost
from jaxflops.errors import JaxflopsError as JaxflopsError
from jaxflops.errors import SpecError as SpecError
from jaxflops.errors import TraceError as TraceError
from jaxflops.errors import UnknownCostError as UnknownCostError
from jaxflops.jaxpr.op import Array as Array
from jaxflops.jaxpr.op import Body as Body
from jaxflops.jaxpr.op import OneOf as OneOf
from jaxflops.jaxpr.op import Op as Op
from jaxflops.jaxpr.registry import body_rule as body_rule
from jaxflops.jaxpr.registry import cost_rule as cost_rule
from jaxflops.jaxpr.specs import spec as spec
from jaxflops.jaxpr.specs import specs as specs
from jaxflops.machine.device import Device as Device
from jaxflops.machine.devices import device as device
from jaxflops.measurement import Measurement as Measurement
from jaxflops.measurement import measure as measure
from jaxflops.results import Analysis as Analysis
from jaxflops.results import load as load
from jaxflops.tree import Kind as Kind
from jaxflops.tree import Node as Node
from jaxflops.tree import Site as Site
