"""Writes small Llama models as GGUF version 3: weights of a repeated pattern, or zeros that take no disk (sparse).

The tokenizer is SentencePiece with nothing but bytes, so that every text has ids.
"""
import array
import random
import struct

U32, F32, STRING, ARRAY, I32 = 4, 6, 8, 9, 5
TYPES = {"f32": (0, 1, 4), "f16": (1, 1, 2), "q4_0": (2, 32, 18)}  # id, group, bytes of a group
ALIGNMENT = 32


def text(value):
    value = value.encode()
    return struct.pack("<Q", len(value)) + value


def key(name, kind, value):
    return text(name) + struct.pack("<I", kind) + value


def list_of(kind, values):
    return struct.pack("<IQ", kind, len(values)) + b"".join(values)


def metadata(shape, vocab, context):
    layers, embd, ffn, heads, kv_heads = shape
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    pieces += [f"<extra_{i}>" for i in range(vocab - len(pieces))]
    kinds = [2, 3, 3] + [6] * 256 + [1] * (vocab - 259)
    u32 = lambda value: struct.pack("<I", value)
    return [
        key("general.architecture", STRING, text("llama")),
        key("general.name", STRING, text("small")),
        key("llama.context_length", U32, u32(context)),
        key("llama.embedding_length", U32, u32(embd)),
        key("llama.block_count", U32, u32(layers)),
        key("llama.feed_forward_length", U32, u32(ffn)),
        key("llama.attention.head_count", U32, u32(heads)),
        key("llama.attention.head_count_kv", U32, u32(kv_heads)),
        key("llama.attention.layer_norm_rms_epsilon", F32, struct.pack("<f", 1e-5)),
        key("llama.rope.dimension_count", U32, u32(embd // heads)),
        key("tokenizer.ggml.model", STRING, text("llama")),
        key("tokenizer.ggml.tokens", ARRAY, list_of(STRING, [text(p) for p in pieces])),
        key("tokenizer.ggml.scores", ARRAY, list_of(F32, [struct.pack("<f", 0.0)] * vocab)),
        key("tokenizer.ggml.token_type", ARRAY, list_of(I32, [struct.pack("<i", k) for k in kinds])),
        key("tokenizer.ggml.bos_token_id", U32, u32(1)),
        key("tokenizer.ggml.eos_token_id", U32, u32(2)),
    ]


def tensors(shape, vocab, kind):
    layers, embd, ffn, heads, kv_heads = shape
    kv = embd // heads * kv_heads
    rows = [("token_embd.weight", vocab, embd, kind), ("output_norm.weight", 1, embd, "f32")]
    for i in range(layers):
        rows += [(f"blk.{i}.attn_norm.weight", 1, embd, "f32"), (f"blk.{i}.attn_q.weight", embd, embd, kind),
                 (f"blk.{i}.attn_k.weight", kv, embd, kind), (f"blk.{i}.attn_v.weight", kv, embd, kind),
                 (f"blk.{i}.attn_output.weight", embd, embd, kind), (f"blk.{i}.ffn_norm.weight", 1, embd, "f32"),
                 (f"blk.{i}.ffn_gate.weight", ffn, embd, kind), (f"blk.{i}.ffn_up.weight", ffn, embd, kind),
                 (f"blk.{i}.ffn_down.weight", embd, ffn, kind)]
    return rows


def pattern(kind, seed):
    """Bytes of some thousand values of the type, of the size that weights have."""
    rng = random.Random(seed)
    values = array.array("f", (rng.gauss(0, 0.05) for _ in range(32768)))
    if kind == "f32":
        return values.tobytes()
    if kind == "f16":
        return struct.pack(f"<{len(values)}e", *values)
    return b"".join(struct.pack("<e", 0.01) + rng.randbytes(16) for _ in range(len(values) // 32))


def write_gguf(path, shape=(2, 64, 192, 4, 2), vocab=320, context=256, kind="f16", sparse=False, without=(), version=3):
    """shape: layers, width, width of the feed-forward part, heads, key-value heads. without: names to leave out."""
    rows = [t for t in tensors(shape, vocab, kind) if t[0] not in without]
    keys = metadata(shape, vocab, context)
    head = b"GGUF" + struct.pack("<IQQ", version, len(rows), len(keys)) + b"".join(keys)
    offset, sizes = 0, []
    for name, count, cols, tensor_kind in rows:
        number, group, group_bytes = TYPES[tensor_kind]
        dims = (cols,) if count == 1 else (cols, count)
        head += text(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
        head += struct.pack("<IQ", number, offset)
        sizes.append(count * cols // group * group_bytes)
        offset += -(-sizes[-1] // ALIGNMENT) * ALIGNMENT
    with open(path, "wb") as file:
        file.write(head + b"\0" * (-len(head) % ALIGNMENT))
        begin = file.tell()
        if sparse:
            file.truncate(begin + offset)
            return path
        patterns = {k: pattern(k, 7) for k in TYPES}
        for (_, _, _, tensor_kind), size in zip(rows, sizes):
            unit = patterns[tensor_kind]
            for at in range(0, size, len(unit)):
                file.write(unit[:size - at])
            file.write(b"\0" * (-size % ALIGNMENT))
    return path
