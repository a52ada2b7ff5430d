"""The reading of policy texts: what changed between two of them, and HTML without anything that acts."""

from bot.web.policy_reading import compare, safe_html


def test_a_comparison_names_what_stayed_went_and_came() -> None:
    """Paragraphs are matched; within a changed one only the words that differ are marked, in Chinese each sign."""
    paragraphs = list(compare("# Same\n\nkept for 30 days\n\ngone", "# Same\n\nkept for 60 days"))
    chinese = list(compare("保存三十天", "保存六十天"))
    table = list(compare("- **a** `b`\n\n| c | d |\n|---|---|", "- **a** `b`\n\n| c | d |\n|---|---|"))

    assert [one.kind for one in paragraphs] == ["same", "changed", "removed"]
    assert [(piece.kind, piece.words) for piece in paragraphs[1].pieces] == [
        ("same", "kept for "),
        ("removed", "30"),
        ("added", "60"),
        ("same", " days"),
    ]
    assert [(piece.kind, piece.words) for piece in chinese[0].pieces][1:3] == [
        ("removed", "三"),
        ("added", "六"),
    ]
    assert [one.pieces[0].words for one in table] == ["• a b", "c · d"]


def test_a_policy_cannot_carry_what_acts() -> None:
    """Scripts, styles, handlers and odd addresses of a policy text never reach the page."""
    html = safe_html(
        "<script>alert(1)</script> <b onclick='x'>b</b> [a](javascript:alert(1)) [b](https://example.com/)\n\n"
        "| a | b |\n|---|---|\n| c | d |"
    )

    assert "<script" not in html
    assert "<b " not in html
    assert 'href="javascript' not in html
    assert 'href="https://example.com/"' in html
    assert "<td>d</td>" in html
