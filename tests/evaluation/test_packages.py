from __future__ import annotations

import pytest

from sentiment.errors import MissingPackageError
from sentiment.evaluation.packages import need_packages


def test_a_missing_package_names_the_install():
    need_packages("json", purpose="anything")
    with pytest.raises(MissingPackageError, match="run: pip install not-there-1 not-there-2"):
        need_packages("json", "not-there-1", "not-there-2", purpose="a test")
