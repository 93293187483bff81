"""The command line: `jaxflops analyze module:function --args "f32[8,128]"`."""

from jaxflops.cli.run import entry as entry
from jaxflops.cli.run import main as main
