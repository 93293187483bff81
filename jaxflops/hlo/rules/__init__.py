"""What one HLO instruction costs: one family of opcodes a file."""

from jaxflops.hlo.rules import contraction as contraction
from jaxflops.hlo.rules import cudnn_calls as cudnn_calls
from jaxflops.hlo.rules import elementwise as elementwise
from jaxflops.hlo.rules import exchange as exchange
from jaxflops.hlo.rules import fourier as fourier
from jaxflops.hlo.rules import indexing as indexing
from jaxflops.hlo.rules import lapack_calls as lapack_calls
from jaxflops.hlo.rules import layout as layout
from jaxflops.hlo.rules import linalg as linalg
from jaxflops.hlo.rules import matmul_calls as matmul_calls
from jaxflops.hlo.rules import random as random
from jaxflops.hlo.rules import reduction as reduction
from jaxflops.hlo.rules import sorting as sorting
from jaxflops.hlo.rules import target_calls as target_calls
from jaxflops.hlo.rules import window as window
