# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The folio authors
"""Tables say what the samples say. The samples are made up; nothing is measured."""

import unittest

import cases
import contestants
import report
from results import Results, key_of

RATES = {"folio": (30.0, 32.0, 31.0), "memif": (10.0, 12.0, 11.0), "virtio-split": (20, 15.5, 15),
         "limit": (62.0, 62.0, 62.0)}
ON_VHOST = {"folio-vhost-packed": (12.0, 12.0, 12.0), "virtio-packed-vec": (10.0, 12.5, 12.0)}


def made_up(where="near", group="one-way", sizes=("64", "1518"), rates_of=None):
    """A record with the rates above in every case of a group."""
    rates_of = rates_of or RATES
    group = next(g for g in cases.GROUPS if g.name == group)
    known = {c.name: c for c in (contestants.folio("folio", ""),
                                 contestants.folio_on_vhost("folio-vhost-packed", "", 1),
                                 *contestants.PEERS,
                                 *contestants.LIMITS)}
    samples = []
    for case in group.make(sizes):
        for name, rates in rates_of.items():
            samples += [dict(case.key(), contestant=name, round=i + 1, status="ok", error=None,
                             placement=where, time="2026-01-01T00:00:%02d" % i, probe_ns=[100, 900],
                             mpps=rate, p50_ns=rate, p99_ns=rate, mean_ns=rate,
                             p999_ns=rate, max_ns=rate) for i, rate in enumerate(rates)]
    return {"date": "2026-01-01", "machine": {"lscpu": None, "machine": "m", "kernel": "k",
                                              "dpdk": "d", "folio_commit": None},
            "options": {"rounds": 3, "window": 1, "quick": True, "cases": None},
            "contestants": {name: {"ours": known[name].ours, "peer": known[name].peer,
                                   "family": known[name].family} for name in rates_of},
            "left_out": [], "pairs": [], "samples": samples}


class Tables(unittest.TestCase):
    """What is made of samples."""

    def test_medians_and_ratios(self):
        """30 to 20, 32 to 15.5, 31 to 15: what was taken at the same time is compared."""
        results = Results(made_up())
        key = results.group("one-way")[0]
        self.assertEqual(results.median(key, "folio", "near"), 31)
        self.assertEqual(results.best_rival(key, "folio", "near"),
                         ("virtio-split", [1.5, 32 / 15.5, 31 / 15]))
        self.assertEqual(results.ratio(key, "folio", "near"), 32 / 15.5)
        self.assertIsNone(results.ratio(key, "folio", "far"))
        self.assertEqual(results.best_rival(key, "folio", "near", best=min)[0], "memif")
        self.assertEqual(results.share(key, "folio", "limit", "near"), 0.5)

    def test_pairs(self):
        """Closest in time, each once, and only if the CPUs were as far apart."""
        record = made_up()
        key = key_of(record["samples"][0])
        taken = {(s["contestant"], s["round"]): s for s in record["samples"] if key_of(s) == key}
        for number, time, probe in ((1, 50, 100), (2, 10, 100), (3, 20, 170)):
            taken["memif", number].update(time="2026-01-01T00:00:%02d" % time, probe_ns=[probe] * 2)
        self.assertEqual(Results(record).pairs(key, "folio", "memif", "near"), [32 / 10, 31 / 12])
        # There might have been a better peer than the other one.
        self.assertIsNone(Results(record).ratio(key, "folio", "near"))
        for number in (1, 2, 3):
            taken["memif", number].update(status="failed")
        self.assertEqual(Results(record).best_rival(key, "folio", "near")[0], "virtio-split")
        for sample in taken.values():
            del sample["probe_ns"]      # of two machines
        self.assertEqual(Results(record).ratio(key, "folio", "near"), 32 / 15.5)

    def test_preferred(self):
        """A few cases of the preferred placement are shown, of another one not."""
        record = made_up(sizes=cases.SIZES)
        for few, many, shown in (("near", "far", ["near", "far"]), ("far", "near", ["near"])):
            for sample in record["samples"]:
                sample["placement"] = few if sample["size"] == "64" else many
            results = Results(record)
            self.assertEqual(results.placements(results.keys), shown)

    def test_table(self):
        """Median, spread and number of samples are in a cell."""
        text = report.report(made_up())
        self.assertIn("31.00 (30.00-32.00; 3 of 3)", text)
        self.assertRegex(text, r"folio / best peer +\| 2\.06 \(1\.50-2\.07; virtio-split\)")

    def test_targets(self):
        """What was wanted: reached, half of the limit only, a placement that was not there."""
        text = report.report(made_up())
        self.assertRegex(text, r"one way 64 B, untouched +\| near \| 1.70 +\| 2.00 \| 2.06 / 2.06 "
                               r"+\| aim")
        self.assertRegex(text, r"limit, 1518 B +\| near \| 0.85 .*\| 0.50 +\| no")
        self.assertNotIn("9000", text)
        text = report.report(made_up("far"))
        self.assertRegex(text, r"one way 64 B, untouched +\| near .*\| not seen")

    def test_targets_on_vhost(self):
        """12 to 10, 12.5 and 12: the median. Who did not take part is no line."""
        text = report.report(made_up(rates_of={**RATES, **ON_VHOST}))
        self.assertRegex(text, r"net_vhost, one way 64 B, to virtio-packed-vec +\| near \| 0.90 +"
                               r"\| 1.10 \| 1.00 / 1.00 +\| yes")
        self.assertNotIn("net_vhost", report.report(made_up()))

    def test_samples_that_do_not_count(self):
        """Other placements and disturbed samples are counted, but not used."""
        record = made_up()
        for sample in record["samples"][:2]:
            sample["placement"] = "disturbed"
        results = Results(record)
        key = key_of(record["samples"][0])
        self.assertEqual(results.row(key, "folio", "near")["used"], 1)
        self.assertIsNone(results.median(key, "folio", "near"))
        self.assertIsNone(results.ratio(key, "folio", "near"))

    def test_every_group_has_a_table(self):
        """No group is measured and then forgotten."""
        for group in cases.GROUPS:
            with self.subTest(group.name):
                record = made_up(group=group.name, sizes=cases.SIZES)
                for sample in record["samples"]:
                    sample.update(cpu_ms=1, link_ms=1)
                self.assertIn("31.0", report.report(record))


if __name__ == "__main__":
    unittest.main(verbosity=2)
