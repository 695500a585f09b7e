#!/usr/bin/env python3
"""runnel eval --text: the perplexities that another implementation gives trained models, and what 8 and 4 bits of keys and values cost.

The text and the models are those of $RUNNEL_TEST_DATA.
"""
import json
import os
import pathlib

from command_case import SOURCE, CommandCase, main

DATA = pathlib.Path(os.environ.get("RUNNEL_TEST_DATA") or SOURCE / ".." / "shared") / "data"
TEXT = DATA / "text/tinystories_val_excerpt.txt"
ALL = 0


class Perplexity(CommandCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.converted = {}

    def perplexity(self, name, *arguments, chunks):
        gguf = DATA / f"models/{name}-f32.gguf"
        for needed in (gguf, TEXT):
            if not needed.exists():
                self.skipTest(f"no {needed} here; set RUNNEL_TEST_DATA to the folder that has the test data")
        if name not in self.converted:
            self.converted[name] = self.folder / f"{name}.rnl"
            done = self.run_command("convert", gguf, "-o", self.converted[name], "--weights", "f32")
            self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_command("eval", self.converted[name], "--text", TEXT, "--bytes", 60000, "--context", 256, "--threads", 1,
                                "--json", *(("--chunks", chunks) if chunks else ()), *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual(told["tokens"], 127 * told["chunks"])
        return told["perplexity"]

    def test_floats(self):
        # The first 12 chunks: the figures of the data's own README, 3.493 and 2.084. All of them: llama-perplexity -c 256.
        for name, chunks, wanted in (("stories260K", 12, 3.4927), ("babyllama-tok361", 12, 2.0843), ("stories260K", ALL, 3.9152)):
            with self.subTest(name=name, chunks=chunks):
                self.assertAlmostEqual(self.perplexity(name, chunks=chunks), wanted, delta=2e-4)

    def test_keys_and_values(self):
        exact = self.perplexity("stories260K", "--kv", "f16", chunks=ALL)
        for kv, most in (("q8", 0.001), ("q4", 0.02)):
            with self.subTest(kv=kv):
                self.assertLess(abs(self.perplexity("stories260K", "--kv", kv, chunks=ALL) / exact - 1), most)


if __name__ == "__main__":
    main()
