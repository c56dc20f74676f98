; SPDX-License-Identifier: BSD-3-Clause
; Copyright(c) 2026 The folio authors
;
; The lemmas that contracts.h and contracts_virtq.h admit, on vectors of bits, where they are what the machine does. Each
; question is whether there is a counterexample: the answer must be "unsat", six times.
(set-logic QF_BV)

; mask_bounds, for the 32-bit values that it is used with
(push)
(declare-const x (_ BitVec 32))
(declare-const y (_ BitVec 32))
(assert (not (and (bvule (bvand x y) x) (bvule (bvand x y) y))))
(check-sat)
(pop)

; wrap_below: a difference of two 32-bit numbers that is below zero, computed in 34 bits
(push)
(declare-const d (_ BitVec 34))
(assert (and (bvsle (bvneg #b0100000000000000000000000000000000) d) (bvslt d (_ bv0 34))))
(assert (not (= ((_ zero_extend 2) ((_ extract 31 0) d))
		(bvadd d #b0100000000000000000000000000000000))))
(check-sat)
(pop)

; wrap_above
(push)
(declare-const s (_ BitVec 35))
(assert (and (bvsle #b00100000000000000000000000000000000 s)
	     (bvslt s #b01000000000000000000000000000000000)))
(assert (not (= ((_ zero_extend 3) ((_ extract 31 0) s))
		(bvsub s #b00100000000000000000000000000000000))))
(check-sat)
(pop)

; low_half
(push)
(declare-const v (_ BitVec 64))
(assert (= (bvand v #xffffffff00000000) #x0000000000000000))
(assert (not (= (bvand v #x00000000ffffffff) v)))
(check-sat)
(pop)

; or_none
(push)
(declare-const a (_ BitVec 32))
(declare-const b (_ BitVec 32))
(assert (= (bvor a b) #x00000000))
(assert (not (and (= a #x00000000) (= b #x00000000))))
(check-sat)
(pop)

; wrap_below_16: a difference of two 16-bit numbers that is below zero, computed in 18 bits
(push)
(declare-const e (_ BitVec 18))
(assert (and (bvsle (bvneg #b010000000000000000) e) (bvslt e (_ bv0 18))))
(assert (not (= ((_ zero_extend 2) ((_ extract 15 0) e)) (bvadd e #b010000000000000000))))
(check-sat)
(pop)
