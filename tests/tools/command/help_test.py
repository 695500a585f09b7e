#!/usr/bin/env python3
"""--help of the command and of every subcommand: complete, readable in a terminal, and no more than help."""
import re

from command_case import CommandCase, main


class Help(CommandCase):
    def shown(self, *arguments):
        done = self.run_command(*arguments, "--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 100)
        self.assertNotIn("\n\n\n", done.stdout)
        return done.stdout

    def test_every_subcommand(self):
        named = re.findall(r"^  (\w+)  ", self.shown().split("Subcommands:")[1], re.M)
        self.assertEqual(sorted(named), sorted("convert run plan inspect verify tokenize logits eval bench devices".split()))
        for name in named:
            text = self.shown(name)
            self.assertIn(f"Usage: runnel {name} ", text)
            self.assertIn("--json", text)
            self.assertRegex(text, rf"Examples:\n  runnel {name}[ \n]")

    def test_version(self):
        done = self.run_command("--version")
        self.assertRegex(done.stdout, r"^runnel \d+\.\d+\.\d+\n$")
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    main()
