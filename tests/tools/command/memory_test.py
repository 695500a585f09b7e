#!/usr/bin/env python3
"""A run takes the memory that its plan says, and none of it is a second copy of the weights."""
import hashlib
import json
import re
import subprocess

from command_case import RUNNEL, CommandCase, main
from small_gguf import write_gguf

ANONYMOUS_SLACK = 4 << 20  # the process itself: stacks, libraries' data, the text of a prompt
RESIDENT_SLACK = 16 << 20  # and the code of the libraries


class Memory(CommandCase):
    def peaks(self, *arguments):
        """Most anonymous and most resident bytes of a run, as /proc tells them while it goes on."""
        process = subprocess.Popen([RUNNEL, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, env=self.environment)
        anonymous = resident = samples = 0
        while process.poll() is None:
            with open(f"/proc/{process.pid}/status") as status:
                text = status.read()
            found = re.search(r"VmHWM:\s+(\d+).*RssAnon:\s+(\d+)", text, re.S)
            if found:
                resident = max(resident, int(found[1]) << 10)
                anonymous = max(anonymous, int(found[2]) << 10)
                samples += 1
        self.assertEqual(process.returncode, 0, process.stderr.read())
        process.stderr.close()
        self.assertGreater(samples, 20)
        return anonymous, resident

    def test_run_is_within_the_plan(self):
        # Weights of 70 MB: a copy of them, whole or of one layer's kind, would stand out.
        source = write_gguf(self.folder / "wide.gguf", (8, 1024, 4096, 16, 4), 16000, 2048, kind="q4_0")
        model = self.folder / "wide.rnl"
        self.assertEqual(self.run_command("convert", source, "-o", model).returncode, 0)
        file_bytes = model.stat().st_size
        self.assertGreater(file_bytes, 60 << 20)
        options = ("--threads", "2", "--context", "512")
        plan = json.loads(self.run_command("plan", model, *options, "--json").stdout)
        self.assertLess(plan["private_bytes"], file_bytes)
        for prompt, tokens in (("hi", 4), ("x" * 400, 8)):
            anonymous, resident = self.peaks("run", model, "-p", prompt, "-n", tokens, "--ignore-eos", *options)
            print(f"{tokens} tokens after {len(prompt)} characters: anonymous {anonymous / 1e6:.1f} MB of "
                  f"{plan['private_bytes'] / 1e6:.1f} MB planned, resident {resident / 1e6:.1f} MB, file {file_bytes / 1e6:.1f} MB")
            self.assertLess(anonymous, plan["private_bytes"] + ANONYMOUS_SLACK)
            self.assertLess(anonymous, file_bytes / 2)
            self.assertLess(resident, file_bytes + plan["private_bytes"] + RESIDENT_SLACK)

    def test_conversion_is_within_its_budget(self):
        source = write_gguf(self.folder / "wide.gguf", (8, 1024, 4096, 16, 4), 16000, 2048, kind="f16")
        out = self.folder / "wide.rnl"
        options = ("convert", source, "-o", out, "--weights", "q8", "--threads", "2")
        free, _ = self.peaks(*options)
        digest = hashlib.sha256(out.read_bytes()).hexdigest()
        refused = self.run_command(*options, "--budget", "1M")
        fixed = re.search(r"metadata and tokenizer take ([\d.]+) MB", refused.stderr)
        self.assertTrue(fixed, refused.stderr)
        budget = int(float(fixed[1]) * 1e6) + 600_000
        self.assertLess(budget, free)
        held, _ = self.peaks(*options, "--budget", budget)
        print(f"anonymous {free / 1e6:.1f} MB without a budget, {held / 1e6:.1f} MB of {budget / 1e6:.1f} MB with one")
        self.assertLessEqual(held, budget)
        self.assertEqual(digest, hashlib.sha256(out.read_bytes()).hexdigest(), "the budget must not show in the file")
        out.unlink()
        self.fails(("budget", "tokenizer"), *options, "--budget", "1M")
        self.leaves_nothing("wide.rnl")
        self.fails("is not a size", *options, "--budget", "much")


if __name__ == "__main__":
    main()
