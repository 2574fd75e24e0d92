"""Gmsh files of versions 2.2 and 4.1, in text and binary, from one description; by the format's manual.

Elements are (type, physical tags, nodes), nodes counted from 0 and written from 10 on in steps of 3.
"""

import struct

DIMENSION = {15: 0, 1: 1, 8: 1, 2: 2, 9: 2, 3: 2, 4: 3}


def tag(node):
    return 10 + 3 * node


def names_section(names):
    rows = "".join(f'{dim} {number} "{name}"\n' for (dim, number), name in names.items())
    return f"$PhysicalNames\n{len(names)}\n{rows}$EndPhysicalNames\n".encode()


def version_2(points, elements, names, binary):
    """An element of several groups is written once for each; no group is tag 0."""
    out = f"$MeshFormat\n2.2 {int(binary)} 8\n".encode()
    out += struct.pack("<i", 1) + b"\n" if binary else b""
    out += b"$EndMeshFormat\n" + names_section(names) + f"$Nodes\n{len(points)}\n".encode()
    for k, p in enumerate(points):
        out += (struct.pack("<i3d", tag(k), *p) if binary else
                f"{tag(k)} {p[0]!r} {p[1]!r} {p[2]!r}\n".encode())
    rows = [(kind, group, nodes) for kind, groups, nodes in elements for group in (groups or [0])]
    out += f"\n$EndNodes\n$Elements\n{len(rows)}\n".encode()
    for k, (kind, group, nodes) in enumerate(rows):
        numbers = [tag(n) for n in nodes]
        out += (struct.pack(f"<{6 + len(nodes)}i", kind, 1, 2, k + 1, group, 5, *numbers) if binary else
                (" ".join(map(str, [k + 1, kind, 2, group, 5, *numbers])) + "\n").encode())
    return out + b"\n$EndElements\n"


def version_4(points, elements, names, binary):
    """Every element is its own entity, which carries its groups."""
    def whole(*values):
        return struct.pack(f"<{len(values)}i", *values) if binary else _text(values)

    def large(*values):
        return struct.pack(f"<{len(values)}Q", *values) if binary else _text(values)

    def real(*values):
        return struct.pack(f"<{len(values)}d", *values) if binary else _text(map(repr, values))
    out = f"$MeshFormat\n4.1 {int(binary)} 8\n".encode()
    out += struct.pack("<i", 1) + b"\n" if binary else b""
    out += b"$EndMeshFormat\n" + names_section(names) + b"$Entities\n"
    of_dim = [[(k + 1, groups) for k, (kind, groups, _) in enumerate(elements) if DIMENSION[kind] == d]
              for d in range(4)]
    out += large(*map(len, of_dim))
    for d, entities in enumerate(of_dim):
        for number, groups in entities:
            out += whole(number) + real(*[0.0] * (3 if d == 0 else 6)) + large(len(groups))
            out += whole(*groups) + (large(1) + whole(-1) if d else b"")
    out += b"\n$EndEntities\n$Nodes\n" + large(1, len(points), tag(0), tag(len(points) - 1))
    out += whole(2, 1, 0) + large(len(points)) + large(*map(tag, range(len(points))))
    out += b"".join(real(*p) for p in points) + b"\n$EndNodes\n$Elements\n"
    out += large(len(elements), len(elements), 1, len(elements))
    for k, (kind, _, nodes) in enumerate(elements):
        out += whole(DIMENSION[kind], k + 1, kind) + large(1) + large(k + 1, *map(tag, nodes))
    return out + b"\n$EndElements\n"


def _text(values):
    return (" ".join(map(str, values)) + "\n").encode()
