"""Unix ``compress``, the form of ``.Z`` files (Welch 1984): no module of Python's reads it."""

MAGIC = b"\x1f\x9d"
WIDTH, CLEAR = 9, 256  # bits of the first codes; the code that empties the table


def decompress(data, limit):
    """Content of a ``.Z`` file of at most `limit` bytes; ValueError for what `compress` can't have written.

    Codes grow from 9 bits as the table does, eight of one width at a time: what is left of eight is skipped.
    """
    widest, clears = (data[2] & 31, data[2] & 128) if data[:2] == MAGIC and len(data) > 2 else (0, 0)
    if not WIDTH <= widest <= 16:
        raise ValueError("not a .Z file")
    first = [bytes([byte]) for byte in range(256)] + [b""] * bool(clears)
    table, width, previous, parts, place = list(first), WIDTH, b"", [], 3
    while place < len(data):
        group = data[place : place + width]
        place += width
        bits, mask = int.from_bytes(group, "little"), (1 << width) - 1
        for i in range(8 * len(group) // width):
            code = bits >> i * width & mask
            if clears and code == CLEAR:
                table, width, previous = list(first), WIDTH, b""
                break
            if code > len(table) or (code == len(table) and not previous):
                raise ValueError(f"code {code} in a table of {len(table)}")
            entry = table[code] if code < len(table) else previous + previous[:1]
            if previous and len(table) < 1 << widest:
                table.append(previous + entry[:1])
            parts.append(entry)
            limit -= len(entry)
            if limit < 0:
                raise ValueError("more bytes than expected")
            previous = entry
            if len(table) > mask and width < widest:
                width += 1
                break
    return b"".join(parts)
