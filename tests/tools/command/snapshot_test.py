#!/usr/bin/env python3
"""A session saved by one process goes on in another, to the token; what is no snapshot of it is refused in one line."""
import json
import resource

from command_case import CommandCase, main

DRAWN = ("--temp", "0.9", "--top-p", "0.95")


class Snapshot(CommandCase):
    def run_json(self, *arguments):
        done = self.run_command("run", self.model, *arguments, "--ignore-eos", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_goes_on_in_another_process(self):
        whole = self.run_json("-p", "red rain jacket", "-n", "96", "--seed", "7", *DRAWN)
        file = self.folder / "s.rns"
        first = self.run_json("-p", "red rain jacket", "-n", "32", "--seed", "7", "--save-session", file, *DRAWN)
        # No prompt: it goes on where it was, and draws on. Another number of threads is no other setting.
        rest = self.run_json("-n", "64", "--restore-session", file, "--save-session", file, "--threads", "2", *DRAWN)
        self.assertEqual(first["ids"] + rest["ids"], whole["ids"])
        self.assertEqual(rest["restored_tokens"], first["prompt_tokens"] + 32)
        # With a seed it draws anew, but from the same place.
        again = self.run_json("-n", "5", "--restore-session", file, "--seed", "7", *DRAWN)
        self.assertEqual(again["restored_tokens"], first["prompt_tokens"] + 96)
        self.leaves_nothing("s.rns.partial")

    def test_a_prompt_follows_and_a_chat_keeps_what_is_common(self):
        file = self.folder / "p.rns"
        ids = ",".join(str(i) for i in range(10, 90))
        first = self.run_json("--ids", ids, "-n", "1", "--save-session", file)
        more = self.run_json("--ids", "5,6,7", "-n", "8", "--restore-session", file)
        both = self.run_json("--ids", f"{ids},{first['ids'][0]},5,6,7", "-n", "8")
        self.assertEqual(more["prompt_tokens"], both["prompt_tokens"])
        self.assertEqual(more["ids"], both["ids"])
        chat = ("--chat", "-p", "red rain jacket", "-n", "8")
        plain = self.run_json(*chat, "--save-session", file)
        for _ in range(2):
            self.assertEqual(self.run_json(*chat, "--restore-session", file, "--save-session", file)["ids"], plain["ids"])

    def test_refusals(self):
        file = self.folder / "r.rns"
        self.run_json("-p", "red rain jacket", "-n", "3", "--save-session", file)
        going_on = ("run", self.model, "-n", "1", "--restore-session")
        self.fails("cannot open: No such file", *going_on, self.folder / "absent.rns")
        self.fails("is no snapshot", *going_on, self.model)
        self.fails("another type of keys", *going_on, file, "--kv", "f32")
        other = self.folder / "other.rnl"
        self.assertEqual(self.run_command("convert", self.gguf, "-o", other).returncode, 0)
        self.fails("is of another model", "run", other, "-n", "1", "--restore-session", file)
        self.fails("do not fit the context of 2", *going_on, file, "--context", "2")
        cut = self.folder / "cut.rns"
        cut.write_bytes(file.read_bytes()[:-1])
        self.fails("cut short", *going_on, cut)
        flipped = bytearray(file.read_bytes())
        flipped[9000] ^= 1
        cut.write_bytes(flipped)
        self.fails("the file is damaged", *going_on, cut)

    def test_places_that_take_no_file(self):
        saving = ("run", self.model, "-p", "red rain jacket", "-n", "2", "-q", "--save-session")
        self.fails("No such file or directory", *saving, self.folder / "absent" / "s.rns")
        self.fails("directory", *saving, self.folder)

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        self.fails("File too large", *saving, self.folder / "full.rns", preexec_fn=limit)
        self.leaves_nothing("full.rns")


if __name__ == "__main__":
    main()
