;; Where a text in JSON ends, sixteen bytes at a time and without a branch for what stands in them: in source code every sixteenth
;; byte is an escape. `npm run generate` makes `gen/plain-text.ts` of it; `text-window.ts` puts the bytes into the memory.
(module
  ;; The bytes stand from 0 on, and behind them a 0.
  (memory (export "memory") 2 2)

  ;; The first place from `at` on that is neither plain nor of a short escape: the 0 at the latest. An escape that the 0 cuts off
  ;; is none, so that its backslash is the place.
  (func (export "endOfPlain") (param $at i32) (result i32)
    (local $bytes v128)
    ;; One bit for each byte, the lowest for the first.
    (local $backslashes i32) (local $closing i32) (local $escapable i32)
    (local $open i32) (local $turns i32) (local $escaped i32) (local $stops i32)
    ;; 1 where the first of the bytes is escaped by the last before them.
    (local $carried i32)
    (loop $next
      (local.set $bytes (v128.load align=1 (local.get $at)))
      (local.set $backslashes (i8x16.bitmask (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x5c)))))
      ;; A quote or a control character.
      (local.set $closing
        (i8x16.bitmask
          (v128.or
            (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x22)))
            (i8x16.lt_u (local.get $bytes) (i8x16.splat (i32.const 0x20))))))
      ;; What may stand behind a backslash, and nothing has to follow. The first table is for the lower half of a byte and the
      ;; second for the upper one; what has a bit in both is `"` or `/` (8), a backslash (4), `b`, `f` or `n` (2), `r` or `t` (1).
      (local.set $escapable
        (i8x16.bitmask
          (i8x16.ne
            (v128.and
              (i8x16.swizzle
                (v128.const i8x16 0 0 11 0 1 0 2 0 0 0 0 0 4 0 2 8)
                (v128.and (local.get $bytes) (i8x16.splat (i32.const 0x0f))))
              (i8x16.swizzle
                (v128.const i8x16 0 0 8 0 0 4 2 1 0 0 0 0 0 0 0 0)
                (i8x16.shr_u (local.get $bytes) (i32.const 4))))
            (i8x16.splat (i32.const 0)))))

      ;; Of backslashes in a row each other one begins an escape. To take them from the places behind them and the odd places leaves,
      ;; against the odd places alone, which of them do, and where the row ends with one that does, the byte behind it.
      (local.set $open (i32.and (local.get $backslashes) (i32.xor (local.get $carried) (i32.const -1))))
      (local.set $turns
        (i32.xor
          (i32.sub
            (i32.or (i32.shl (local.get $open) (i32.const 1)) (i32.const 0xaaaaaaaa))
            (local.get $open))
          (i32.const 0xaaaaaaaa)))
      (local.set $escaped (i32.xor (local.get $turns) (i32.or (local.get $backslashes) (local.get $carried))))
      (local.set $carried (i32.and (i32.shr_u (i32.and (local.get $turns) (local.get $backslashes)) (i32.const 15)) (i32.const 1)))

      ;; Its own place for what closes, the one before for what is escaped and may not be: counted from `at` - 1 on.
      (local.set $stops
        (i32.or
          (i32.shl (i32.and (local.get $closing) (i32.xor (local.get $escaped) (i32.const -1))) (i32.const 1))
          (i32.and
            (i32.and (local.get $escaped) (i32.xor (local.get $escapable) (i32.const -1)))
            (i32.const 0xffff))))
      (if (i32.ne (local.get $stops) (i32.const 0))
        (then (return (i32.add (i32.sub (local.get $at) (i32.const 1)) (i32.ctz (local.get $stops))))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br $next))
    (unreachable)))
