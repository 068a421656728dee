"""Benchmarks, run on request: ``pytest tests/test_bench.py --benchmark -s``.

Each prints ratios within one run, because absolute times mean little on a shared machine.
"""

import pytest

pytestmark = pytest.mark.benchmark_report
