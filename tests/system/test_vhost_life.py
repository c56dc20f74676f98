# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""A port of folio and an unmodified back end which come, go, are killed and stand still."""

import time

import common
import vhost

KILLS = 20 if vhost.ALL else 2
CYCLES = 100 if vhost.ALL else 10


class Life(vhost.VhostCase):
    """Traffic comes back, and what arrives is always right."""

    def kill_back_end(self, more, back_end):
        """SIGKILL the back end under traffic, again and again."""
        side = self.verify(more, ["--max-len", "4000"])
        for _ in range(KILLS):
            back = back_end()
            side.wait_new(500)
            back.kill()
            back.end()
        back_end()
        side.wait_new(500)
        self.finish(side)

    def kill_front_end(self, more):
        """SIGKILL folio under traffic; the back end goes on."""
        for _ in range(KILLS):
            side = self.verify(more, ["--max-len", "4000"])
            side.wait_new(500)
            side.kill()
        side = self.verify(more, ["--max-len", "4000"])
        side.wait_new(500)
        self.finish(side)

    def test_back_end_killed_packed(self):
        self.kill_back_end("", self.back_end)

    def test_back_end_killed_split(self):
        self.kill_back_end(",packed=0", self.back_end)

    def test_front_end_killed(self):
        back = self.back_end()
        for args in vhost.RINGS.values():
            self.kill_front_end(args)
        self.assertEqual(back.quit(), 0)

    def test_server(self):
        """folio listens, the back end connects: either is killed."""
        self.kill_back_end(",server=1", lambda: self.back_end(",client=1"))
        back = self.back_end(",client=1")
        self.kill_front_end(",server=1")
        self.assertEqual(back.quit(), 0)

    def test_again_and_again(self):
        """The device is reset and set up again, a hundred times in full."""
        back = self.back_end()
        for args in vhost.RINGS.values():
            front = self.front_end(args)
            front.cmd("set fwd flowgen")
            for n in range(1, CYCLES + 1):
                front.wait_link()
                front.cmd("start")
                front.wait_received(front.stats()["RX-packets"] + 200)
                self.assertEqual(front.xstats()["link_ups"], n)
                front.cmd("stop")
                front.cmd("port stop 0")
                self.assertFalse(front.link_is_up())
                front.cmd("port start 0")
            xstats = front.xstats()
            self.assertEqual((xstats["resets"], xstats["stalls"], front.violations()), (0, 0, 0))
            self.assertEqual(front.quit(), 0)
        self.assertEqual(back.quit(), 0)

    def test_stands_still(self):
        """A back end that takes nothing is reset, and serves again when it goes on."""
        for args in vhost.RINGS.values():
            back = self.back_end(forward=False)
            front = self.front_end(args)
            front.wait_link()
            front.cmd("set fwd flowgen")
            front.cmd("start")
            self.wait_xstat(front, "stalls", 1)
            self.wait_xstat(front, "link_ups", 2)
            self.assertEqual(front.violations(), 0)
            back.cmd("start")
            front.wait_received(1000)
            self.assertGreaterEqual(front.xstats()["resets"], front.xstats()["stalls"])
            self.assertEqual((front.quit(), back.quit()), (0, 0))

    def wait_xstat(self, side, name, least):
        """Wait until a counter has come so far."""
        for _ in range(1500):
            if side.xstats()[name] >= least:
                return
            time.sleep(0.02)
        self.fail(f"{name} is {side.xstats()[name]}:\n{side.report()}")


if __name__ == "__main__":
    common.main()
