"""One primitive family a file; importing the package registers them all."""

from jaxflops.jaxpr.rules import attention as attention
from jaxflops.jaxpr.rules import bookkeeping as bookkeeping
from jaxflops.jaxpr.rules import calls as calls
from jaxflops.jaxpr.rules import collective as collective
from jaxflops.jaxpr.rules import contraction as contraction
from jaxflops.jaxpr.rules import control as control
from jaxflops.jaxpr.rules import convolution as convolution
from jaxflops.jaxpr.rules import eigen as eigen
from jaxflops.jaxpr.rules import elementwise as elementwise
from jaxflops.jaxpr.rules import fourier as fourier
from jaxflops.jaxpr.rules import indexing as indexing
from jaxflops.jaxpr.rules import kernel as kernel
from jaxflops.jaxpr.rules import layout as layout
from jaxflops.jaxpr.rules import linalg as linalg
from jaxflops.jaxpr.rules import opaque as opaque
from jaxflops.jaxpr.rules import pallas as pallas
from jaxflops.jaxpr.rules import random as random
from jaxflops.jaxpr.rules import recurrent as recurrent
from jaxflops.jaxpr.rules import reduction as reduction
from jaxflops.jaxpr.rules import sorting as sorting
from jaxflops.jaxpr.rules import sparse as sparse
from jaxflops.jaxpr.rules import stated as stated
from jaxflops.jaxpr.rules import tiles as tiles
from jaxflops.jaxpr.rules import transcendental as transcendental
from jaxflops.jaxpr.rules import window as window
from jaxflops.jaxpr.rules import wrappers as wrappers
