#!/usr/bin/env python3
"""Truncated, bit-flipped, wrong-version, empty and foreign files, missing tensors: every subcommand says so in a line."""
import json
import shutil
import struct

from command_case import SHOP, CommandCase, main
from small_gguf import write_gguf

READERS = (("run", "-p", "hi", "-n", "1"), ("inspect",), ("inspect", "--graph"), ("verify",), ("plan",),
           ("tokenize", "-p", "hi"), ("logits", "-p", "hi", "-o", "logits.npy"), ("bench",), ("eval", "--text", "/dev/null"))


class Damaged(CommandCase):
    def refused(self, cause, path):
        """By everything that reads a model file."""
        for name, *options in READERS:
            options = [self.folder / o if o.endswith(".npy") else o for o in options]
            with self.subTest(subcommand=name, file=path.name):
                self.fails(cause, name, path, *options)
        self.leaves_nothing("logits.npy")

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def test_truncated_model_file(self):
        whole = self.model.read_bytes()
        for size in (1, 255, 256, 5000, len(whole) // 2, len(whole) - 1):
            self.refused("truncated", self.write("cut.rnl", whole[:size]))
        self.refused(("longer", "bytes"), self.write("long.rnl", whole + b"\0"))

    def test_empty_and_foreign_files(self):
        self.refused("empty", self.write("empty.rnl", b""))
        self.refused("not a model file", self.write("text.rnl", b"It was a dark and stormy night. " * 20))
        self.refused("GGUF", self.write("gguf.rnl", self.gguf.read_bytes()))
        self.refused(("directory", "neither tokenizer.json"), self.folder)
        self.refused("No such file", self.folder / "absent.rnl")
        for name, content in {"empty.gguf": b"", "text.gguf": b"hello\n" * 100, "model.gguf": self.model.read_bytes()}.items():
            self.fails("neither a GGUF file nor", "convert", self.write(name, content), "-o", self.folder / "out.rnl")
        self.fails("does not exist", "convert", self.folder / "absent.gguf", "-o", self.folder / "out.rnl")
        self.leaves_nothing("out.rnl")

    def test_wrong_versions(self):
        whole = bytearray(self.model.read_bytes())
        whole[8:12] = struct.pack("<I", 77)
        # Without its hash made right this is damage: an unknown version is told apart from it by the prelude's hash.
        self.refused(("version", "corrupt", "hash"), self.write("version.rnl", whole))
        import hashlib
        whole[224:256] = hashlib.sha256(whole[:224]).digest()
        self.refused("version 77", self.write("version.rnl", whole))
        for version in (0, 1, 4, 0x03000000):
            write_gguf(self.folder / "version.gguf", version=version)
            self.fails("version", "convert", self.folder / "version.gguf", "-o", self.folder / "out.rnl")
        self.leaves_nothing("out.rnl")

    def test_flipped_bits_of_a_model_file(self):
        whole = self.model.read_bytes()
        for at in (0, 9, 20, 100, 230, 300, 1000, 9000):  # prelude and header: seen by everything
            damaged = bytearray(whole)
            damaged[at] ^= 0x10
            self.refused("", self.write("flipped.rnl", damaged))
        damaged = bytearray(whole)  # a weight: seen by what reads weights
        damaged[len(whole) - 4000] ^= 0x01
        path = self.write("flipped.rnl", damaged)
        self.fails("chunk", "verify", path)
        self.fails("chunk", "run", path, "-p", "hi", "-n", "1", "-q", "--verify", "eager")
        done = self.run_command("run", path, "-p", "hi", "-n", "1", "-q")  # lazily: after the answer, and not as success
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
        self.assertIn("chunk", done.stderr)

    def test_damaged_gguf(self):
        whole = self.gguf.read_bytes()
        for size in (4, 10, 24, 300, 5000, len(whole) // 2, len(whole) - 64):
            self.fails("gguf", "convert", self.write("cut.gguf", whole[:size]), "-o", self.folder / "out.rnl")
        self.leaves_nothing("out.rnl")
        # A GGUF file has no checksum: a flipped bit is an error or another model, never a crash or half a file.
        for at in list(range(4, 40, 3)) + list(range(40, 1200, 97)) + list(range(len(whole) - 400000, len(whole), 99991)):
            damaged = bytearray(whole)
            damaged[at] ^= 0x40
            done = self.run_command("convert", self.write("flipped.gguf", damaged), "-o", self.folder / "out.rnl", "-q")
            self.assertIn(done.returncode, (0, 1), f"byte {at}: {done.stderr}")
            if done.returncode == 0:
                self.assertEqual(self.run_command("verify", self.folder / "out.rnl").returncode, 0, f"byte {at}")
                (self.folder / "out.rnl").unlink()
            else:
                self.assertEqual(done.stderr.count("\n"), 1, f"byte {at}: {done.stderr}")
            self.leaves_nothing("out.rnl")

    def test_missing_tensor(self):
        for name in ("token_embd.weight", "output_norm.weight", "blk.1.ffn_up.weight", "blk.0.attn_k.weight"):
            write_gguf(self.folder / "missing.gguf", without=(name,))
            self.fails(name, "convert", self.folder / "missing.gguf", "-o", self.folder / "out.rnl")
        self.leaves_nothing("out.rnl")

    def folder_with(self, change):
        """The demo model's folder, its weights' table changed by change(table)."""
        copy = self.folder / "changed"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(SHOP, copy)
        whole = (copy / "model.safetensors").read_bytes()
        size = struct.unpack("<Q", whole[:8])[0]
        table = json.loads(whole[8:8 + size])
        change(table)
        text = json.dumps(table).encode()
        text += b" " * (size - len(text))  # a shorter table keeps the place of the weights
        (copy / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + whole[8 + size:])
        return copy

    def test_damaged_folders(self):
        out = self.folder / "out.rnl"
        gone = "model.layers.1.mlp.up_proj.weight"
        self.fails(gone, "convert", self.folder_with(lambda table: table.pop(gone)), "-o", out)
        copy = self.folder_with(lambda table: None)
        weights = (copy / "model.safetensors").read_bytes()
        for name, content, cause in (("model.safetensors", weights[:-1000], "safetensors"),
                                     ("model.safetensors", weights[:5], "safetensors"),
                                     ("model.safetensors", b"", "safetensors"),
                                     ("config.json", b"", "config.json"), ("config.json", b"{\"a\": ", "config.json"),
                                     ("config.json", b"[1, 2]", "config.json"),
                                     ("tokenizer.json", b"\x00\x01", "tokenizer.json"),
                                     ("tokenizer.json", b"{}", "tokenizer")):
            copy = self.folder_with(lambda table: None)
            (copy / name).write_bytes(content)
            with self.subTest(file=name, bytes=len(content)):
                self.fails(cause, "convert", copy, "-o", out)
        for name in ("model.safetensors", "config.json", "tokenizer.json"):
            copy = self.folder_with(lambda table: None)
            (copy / name).unlink()
            with self.subTest(absent=name):
                self.fails(("config.json", "safetensors", "tokenizer"), "convert", copy, "-o", out)
        self.leaves_nothing("out.rnl")


if __name__ == "__main__":
    main()
