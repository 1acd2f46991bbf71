"""The parts of a card that a notebook shows."""

from html.parser import HTMLParser


class Card(HTMLParser):
    """The parts of a card; fails where a tag is left open or reaches out of the card."""

    def __init__(self):
        super().__init__()
        self.open, self.images, self.labels, self.text = [], [], [], ""

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        assert tag not in ("script", "link", "iframe", "object")
        assert not [name for name in known if name.startswith("on")]
        assert known.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")
        if tag == "img":
            self.images.append(known)
        else:
            self.open.append(tag)
        self.labels += [known["aria-label"]] if "aria-label" in known else []

    def handle_startendtag(self, tag, attributes):
        assert tag == "polyline"

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def card_of(value):
    """The parts of the card of a value, all of whose tags are closed."""
    card = Card()
    card.feed(value._repr_html_())
    assert card.open == []
    return card
