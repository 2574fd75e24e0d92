"""Gmsh's files of versions 2.2 and 4.1, in text and binary, with every physical group.

Elements of several physical groups stay in all of them, those of none are read too, and groups of
different dimension may share a name.

Source: Gmsh reference manual, sections "MSH file format" and "MSH file format version 2 (Legacy)".
"""

import shlex
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fem.mesh.cell_types import dimension, gmsh_order

# Element numbers of Gmsh: name and nodes.
_TYPES = {1: ("line", 2), 2: ("triangle", 3), 3: ("quad", 4), 4: ("tetra", 4), 5: ("hexahedron", 8),
          6: ("wedge", 6), 7: ("pyramid", 5), 8: ("line3", 3), 9: ("triangle6", 6), 10: ("quad9", 9),
          11: ("tetra10", 10), 12: ("hexahedron27", 27), 13: ("wedge18", 18), 14: ("pyramid14", 14),
          15: ("vertex", 1), 16: ("quad8", 8), 17: ("hexahedron20", 20), 18: ("wedge15", 15),
          19: ("pyramid13", 13), 21: ("triangle10", 10), 26: ("line4", 4), 29: ("tetra20", 20),
          36: ("quad16", 16), 92: ("hexahedron64", 64)}


@dataclass
class Cells:
    """What a file holds: cells by type, and groups of them by name.

    points (n, 3); cells {type: (m, nodes)} in VTK's order; groups {(name, type): row numbers}; remarks:
    what was not taken over, in words.
    """

    points: np.ndarray
    cells: dict[str, np.ndarray]
    groups: dict[tuple[str, str], np.ndarray]
    remarks: list[str] = field(default_factory=list)


def read_gmsh(path):
    """The `Cells` of a .msh file, None if its version is another or scikit-fem's marks are in it.

    Raises
    ------
    ValueError
        The file breaks off or does not follow the format; the message says where.
    """
    with open(path, "rb") as file:
        data = file.read()
    sections = _sections(data)
    header = sections.get("MeshFormat", b"").split(maxsplit=3)
    if len(header) < 3:
        raise ValueError("the file does not begin with $MeshFormat")
    version, binary = header[0].decode(), header[1] == b"1"
    if version not in ("2", "2.2", "4.1") or b'"skfem:' in data:
        return None
    for needed in ("Nodes", "Elements"):
        if needed not in sections:
            raise ValueError(f"the section ${needed} is missing or not closed by $End{needed}")
    names = _names(sections.get("PhysicalNames", b""))
    stream = _Stream if binary else _Text
    read = _version_2 if version.startswith("2") else _version_4
    try:
        points, blocks = read(sections, stream)
    except (IndexError, KeyError) as error:
        raise ValueError(f"a section breaks off or holds an unknown number ({error})") from error
    return _gathered(points, blocks, names)


def _sections(data):
    """{name: bytes} of $Name … $EndName; binary content may hold any byte."""
    result, at = {}, 0
    while (start := data.find(b"$", at)) >= 0:
        line = data.find(b"\n", start)
        name = data[start + 1:line].strip().decode(errors="replace")
        end = data.find(b"$End" + name.encode(), line)
        if line < 0 or end < 0:
            break
        result[name] = data[line + 1:end]
        at = end + len(name) + 4
    return result


def _names(text):
    """{(dimension, tag): name} of the section $PhysicalNames."""
    rows = [shlex.split(line) for line in text.decode(errors="replace").splitlines()[1:] if line.strip()]
    return {(int(dim), int(tag)): name for dim, tag, name in rows}


class _Text:
    """Numbers of a section one after the other, in text; whole ones are exact up to 2⁵³."""

    def __init__(self, data):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)      # what is no number ends the list
            self._numbers = np.fromstring(data.decode(errors="replace"), sep=" ")
        self._at = 0

    def reals(self, count):
        result = self._numbers[self._at:self._at + count]
        if len(result) < count:
            raise IndexError(f"{count - len(result)} numbers are missing")
        self._at += int(count)
        return result

    def integers(self, count, large=False):
        return self.reals(count).astype(np.int64)

    def peek(self, count):
        """The next whole numbers, which stay the next ones."""
        result = self.integers(count)
        self._at -= int(count)
        return result

    def alike(self, width, most):
        """Rows of `width` whole numbers as long as the second and third of them are the same."""
        known, window = self.peek(3)[1:], 64
        while True:
            rows = self._numbers[self._at:self._at + min(window, most) * width]
            rows = rows[:len(rows) // width * width].reshape(-1, width)
            same = (rows[:, 1:3] == known).all(axis=1)
            count = len(same) if same.all() else int(same.argmin())
            if count < len(same) or len(same) < window:
                return self.integers(width * max(count, 1)).reshape(-1, width)
            window *= 4

    def total(self):
        """The count at the head of a section of version 2."""
        return int(self.integers(1)[0])

    def nodes(self, count):
        """Tags (count,) and points (count, 3) of version 2."""
        table = self.reals(4 * count).reshape(count, 4)
        return table[:, 0].astype(np.int64), table[:, 1:]


class _Stream:
    """The same from a binary section; the count at the head of one of version 2 is in text there too."""

    def __init__(self, data):
        self._data, self._at = data, 0

    def _take(self, dtype, count):
        size = np.dtype(dtype).itemsize * int(count)
        if self._at + size > len(self._data):
            raise IndexError(f"{self._at + size - len(self._data)} bytes are missing")
        result = np.frombuffer(self._data, dtype, int(count), self._at)
        self._at += size
        return result

    def integers(self, count, large=False):
        return self._take("<u8" if large else "<i4", count).astype(np.int64)

    def reals(self, count):
        return self._take("<f8", count).astype(np.float64)

    def total(self):
        end = self._data.index(b"\n", self._at)
        start, self._at = self._at, end + 1
        return int(self._data[start:end])

    def nodes(self, count):
        rows = self._take([("tag", "<i4"), ("x", "<f8", 3)], count)
        return rows["tag"].astype(np.int64), rows["x"].astype(np.float64)


@dataclass
class _Block:
    """Elements of one type; `groups` lists tags of physical groups, of all of them or one row a cell."""

    name: str
    nodes: np.ndarray              # (m, nodes) node tags
    groups: np.ndarray             # (m, tags) or (1, tags); 0 stands for none


def _version_2(sections, stream: Callable):
    s = stream(sections["Nodes"])
    tags, points = s.nodes(s.total())
    s = stream(sections["Elements"])
    blocks = (_rows_text if stream is _Text else _rows_binary)(s, s.total())
    return _renumbered(points, tags, blocks), blocks


def _rows_text(s, total):
    """Blocks of elements in a row with the same type and tags: number, type, tags …, nodes …"""
    blocks, done = [], 0
    while done < total:
        kind, tags = s.peek(3)[1:]
        name, nodes = _type(kind)
        table = s.alike(3 + tags + nodes, total - done)
        blocks.append(_Block(name, table[:, 3 + tags:], table[:, 3:4] if tags else table[:, :1] * 0))
        done += len(table)
    return blocks


def _rows_binary(s, total):
    blocks, done = [], 0
    while done < total:
        kind, count, tags = s.integers(3)
        name, nodes = _type(kind)
        table = s.integers(count * (1 + tags + nodes)).reshape(count, -1)
        blocks.append(_Block(name, table[:, 1 + tags:], table[:, 1:2] if tags else table[:, :1] * 0))
        done += count
    return blocks


def _version_4(sections, stream: Callable):
    groups = _entities(stream(sections["Entities"])) if "Entities" in sections else {}
    s = stream(sections["Nodes"])
    many, total, _, _ = s.integers(4, large=True)
    tags, points, at = np.empty(total, np.int64), np.empty((total, 3)), 0
    for _ in range(many):
        dim, _, parametric = s.integers(3)
        count = s.integers(1, large=True)[0]
        tags[at:at + count] = s.integers(count, large=True)
        width = 3 + dim * bool(parametric)
        points[at:at + count] = s.reals(count * width).reshape(count, width)[:, :3]
        at += count
    s = stream(sections["Elements"])
    many = s.integers(4, large=True)[0]
    blocks = []
    for _ in range(many):
        dim, entity, kind = s.integers(3)
        count = s.integers(1, large=True)[0]
        name, nodes = _type(kind)
        table = s.integers(count * (1 + nodes), large=True).reshape(count, 1 + nodes)
        tagged = np.array(groups.get((int(dim), int(entity)), []), dtype=np.int64)
        blocks.append(_Block(name, table[:, 1:], np.abs(tagged)[None, :]))
    return _renumbered(points, tags, blocks), blocks


def _entities(s):
    """{(dimension, entity): tags of its physical groups}."""
    result = {}
    for dim, many in enumerate(s.integers(4, large=True)):
        for _ in range(many):
            entity = int(s.integers(1)[0])
            s.reals(3 if dim == 0 else 6)                              # its bounding box
            result[dim, entity] = s.integers(s.integers(1, large=True)[0])
            if dim:
                s.integers(s.integers(1, large=True)[0])               # its boundary
    return result


def _type(number):
    if int(number) not in _TYPES:
        raise ValueError(f"elements of Gmsh's type {number} are not known here")
    return _TYPES[int(number)]


def _renumbered(points, tags, blocks):
    """Node tags of all blocks replaced by row numbers of the points; returns the points."""
    place = np.full(tags.max(initial=0) + 1, -1)
    place[tags] = np.arange(len(tags))
    for block in blocks:
        if block.nodes.size and (block.nodes.max() >= len(place) or (place[block.nodes] < 0).any()):
            raise ValueError(f"a {block.name} has a node that $Nodes does not list")
        block.nodes = place[block.nodes]
        order = gmsh_order(block.name)
        block.nodes = block.nodes if order is None else block.nodes[:, order]
    return points


def _gathered(points, blocks, names):
    """Blocks of the same type put together, groups by name; a tag without a name is 'tag 7'."""
    cells: dict[str, list] = {}
    groups: dict[tuple[str, str], list] = {}
    for block in blocks:
        start = sum(map(len, cells.get(block.name, [])))
        cells.setdefault(block.name, []).append(block.nodes)
        tags = np.broadcast_to(block.groups, (len(block.nodes), block.groups.shape[1]))
        for tag in np.unique(block.groups[block.groups != 0]):
            name = names.get((dimension(block.name), int(tag)), f"tag {tag}")
            rows = start + np.flatnonzero((tags == tag).any(axis=1))
            groups.setdefault((name, block.name), []).append(rows)
    return Cells(points, {name: np.concatenate(parts) for name, parts in cells.items()},
                 {key: np.unique(np.concatenate(parts)) for key, parts in groups.items()})
