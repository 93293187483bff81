"""Exact sizes and counts in symbols: `Count`, `Polynomial`, `Ratio`."""

from jaxflops.polynomial.count import Count as Count
from jaxflops.polynomial.count import Polynomial as Polynomial
from jaxflops.polynomial.count import evaluate as evaluate
from jaxflops.polynomial.count import symbol as symbol
from jaxflops.polynomial.functions import from_json as from_json
from jaxflops.polynomial.functions import lowest_coefficients as lowest_coefficients
from jaxflops.polynomial.functions import maximum as maximum
from jaxflops.polynomial.functions import minimum as minimum
from jaxflops.polynomial.functions import to_json as to_json
from jaxflops.polynomial.ratio import Ratio as Ratio
from jaxflops.polynomial.ratio import ratio as ratio
from jaxflops.polynomial.ratio import ratio_at as ratio_at
from jaxflops.polynomial.ratio import ratio_from_json as ratio_from_json
from jaxflops.polynomial.ratio import ratio_to_json as ratio_to_json
