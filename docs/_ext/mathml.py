"""Mathematics as MathML, which browsers set themselves: no script, no network, no fonts to ship."""

from latex2mathml.converter import convert


def inline(writer, node):
    writer.body.append(convert(node.astext()))


def block(writer, node):
    writer.body.append(f'<div class="math">{convert(node.astext(), display="block")}</div>')


def setup(app):
    app.add_html_math_renderer("mathml", (_skipping(inline), None), (_skipping(block), None))
    return {"parallel_read_safe": True}


def _skipping(write):
    from docutils.nodes import SkipNode

    def visit(writer, node):
        write(writer, node)
        raise SkipNode
    return visit
