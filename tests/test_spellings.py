"""However a value is spelt, it is looked up and counted as what is kept of it."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from intake.answers import normalised, parse

_SPELT = st.builds(
    "{0}{1}{2}@{3}{4}".format,
    st.sampled_from(["", " ", "mailto:", "MailTo:  ", "\u3000mailto:\t", "ｍａｉｌｔｏ："]),
    st.text(" ", max_size=30),
    st.text("aZß.é\u0301ｗ+İΣς-", min_size=1, max_size=8),
    st.sampled_from(
        [
            "example.com",
            "EXAMPLE.com",
            "ｅｘａｍｐｌｅ.com",
            "例子。公司",
            "xn--fsqu00a.xn--55qx5d",
            "xn--strae-oqa.example.com",
        ]
    ),
    st.sampled_from(["", " ", "\u3000"]),
)


@given(_SPELT)
def test_every_spelling_that_is_kept_is_looked_up_as_what_is_kept(spelt: str) -> None:
    """Else a bound that counts one address counts each spelling for itself."""
    kept = parse("email", spelt, region="CN", max_length=254)

    assume(isinstance(kept, str))
    assert normalised("email", spelt) == normalised("email", str(kept))
