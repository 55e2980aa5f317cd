;; Makes a WebAssembly module from the texts that `split.mjs` has taken it apart into. It is itself
;; WebAssembly, as a page does this once: by the time that JavaScript is fast, it would be over.
;;
;; All texts are in memory in UTF-8. `split.mjs` says what they mean; what it says of opcodes is in
;; the table behind the cursors.
(module
  (memory (export "memory") 1)

  ;; 0: where to read next in each stream, 4 bytes each. 64: the table, a byte for each opcode.
  ;; Behind them the texts, and behind those what is written, from where `to` says.
  (global $to (mut i32) (i32.const 0))

  ;; The next letter of `stream`, as the number that it stands for.
  (func $letter (param $stream i32) (result i32)
    (local $cursor i32) (local $at i32) (local $letter i32)
    (local.set $cursor (i32.shl (local.get $stream) (i32.const 2)))
    (local.set $at (i32.load (local.get $cursor)))
    (local.set $letter (i32.load8_u (local.get $at)))
    (if (i32.ge_u (local.get $letter) (i32.const 0x80))
      (then
        ;; Two or three bytes. The first says which, the others have six bits each.
        (if (i32.ge_u (local.get $letter) (i32.const 0xe0))
          (then
            (local.set $letter
              (call $more (local.get $at) (i32.and (local.get $letter) (i32.const 0x0f))))
            (local.set $at (i32.add (local.get $at) (i32.const 1))))
          (else (local.set $letter (i32.and (local.get $letter) (i32.const 0x1f)))))
        (local.set $letter (call $more (local.get $at) (local.get $letter)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))))
    (i32.store (local.get $cursor) (i32.add (local.get $at) (i32.const 1)))
    (i32.mul
      (i32.ne (local.get $letter) (i32.const 0x7f))
      (i32.sub (local.get $letter) (i32.gt_u (local.get $letter) (i32.const 0x7f)))))

  ;; `letter` with the six bits of the byte behind `at`.
  (func $more (param $at i32) (param $letter i32) (result i32)
    (i32.or
      (i32.shl (local.get $letter) (i32.const 6))
      (i32.and (i32.load8_u offset=1 (local.get $at)) (i32.const 0x3f))))

  ;; The next number of `stream`. Large ones come in parts of 14 bits, the lowest first.
  (func $number (param $stream i32) (result i32)
    (local $letter i32)
    (local.set $letter (call $letter (local.get $stream)))
    (if (i32.ge_u (local.get $letter) (i32.const 0x8000))
      (then
        (local.set $letter
          (i32.or
            (i32.and (local.get $letter) (i32.const 0x3fff))
            (i32.shl (call $number (local.get $stream)) (i32.const 14))))))
    (local.get $letter))

  (func $write (param $byte i32)
    (i32.store8 (global.get $to) (local.get $byte))
    (global.set $to (i32.add (global.get $to) (i32.const 1))))

  ;; Writes a number as WebAssembly has it, seven bits a byte.
  (func $unsigned (param $value i32)
    (loop $next
      (if (i32.ge_u (local.get $value) (i32.const 0x80))
        (then
          (call $write (i32.or (local.get $value) (i32.const 0x80)))
          (local.set $value (i32.shr_u (local.get $value) (i32.const 7)))
          (br $next))))
    (call $write (local.get $value)))

  (func $signed (param $value i32)
    (loop $next
      (if (i32.ge_u (i32.add (local.get $value) (i32.const 0x40)) (i32.const 0x80))
        (then
          (call $write (i32.or (local.get $value) (i32.const 0x80)))
          (local.set $value (i32.shr_s (local.get $value) (i32.const 7)))
          (br $next))))
    (call $write (i32.and (local.get $value) (i32.const 0x7f))))

  ;; Writes a number whose sign is in its lowest bit: 0, -1, 1, -2, 2.
  (func $inTurns (param $value i32)
    (call $signed
      (i32.xor
        (i32.shr_u (local.get $value) (i32.const 1))
        (i32.sub (i32.const 0) (i32.and (local.get $value) (i32.const 1))))))

  ;; Writes the bytes that `stream` has next, behind their count.
  (func $bytes (param $stream i32)
    (local $left i32)
    (local.set $left (call $number (local.get $stream)))
    (loop $next
      (if (local.get $left)
        (then
          (call $write (call $letter (local.get $stream)))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br $next)))))

  ;; Writes what comes up to `CLOSE`.
  (func $pieces
    (local $opcode i32) (local $form i32) (local $stream i32) (local $value i32)
    (loop $next
      (local.set $opcode (call $letter (i32.const 0)))
      (if (i32.eq (local.get $opcode) (i32.const 0x1d)) (then (return))) ;; CLOSE
      (if (i32.eq (local.get $opcode) (i32.const 0x17)) ;; OPEN
        (then (call $sized) (br $next)))
      (local.set $form (i32.load8_u offset=64 (local.get $opcode)))
      (local.set $stream (i32.and (local.get $form) (i32.const 0x0f)))
      (if (i32.eq (local.get $opcode) (i32.const 0x27)) ;; ADDRESS
        (then
          (call $write (i32.const 0x41))
          (call $signed (i32.add (call $number (local.get $stream)) (i32.const 0x100000)))
          (br $next)))
      (if (i32.eq (local.get $opcode) (i32.const 0x1f)) ;; ADDED
        (then
          (call $write (i32.const 0x41))
          (call $inTurns (call $number (local.get $stream)))
          (call $write (i32.const 0x6a))
          (br $next)))
      (if (i32.lt_u (local.get $form) (i32.const 0x80))
        (then
          (if (i32.eqz (i32.and (local.get $form) (i32.const 0x40))) ;; not SILENT
            (then (call $write (local.get $opcode))))
          (br_if $next (i32.eqz (local.get $form)))
          (if (i32.and (local.get $form) (i32.const 0x20)) ;; BYTES
            (then (call $bytes (local.get $stream)) (br $next))))
        (else ;; aligned
          (call $write (local.get $opcode))
          (call $write
            (i32.and (i32.shr_u (local.get $form) (i32.const 5)) (i32.const 0x03)))))
      (local.set $value (call $number (local.get $stream)))
      (if (i32.and (local.get $form) (i32.const 0x10)) ;; SIGNED
        (then (call $inTurns (local.get $value)))
        (else (call $unsigned (local.get $value))))
      (br $next)))

  ;; Writes what comes up to `CLOSE` behind its length, which takes five bytes however short it is.
  (func $sized
    (local $start i32) (local $end i32) (local $left i32)
    (local.set $start (global.get $to))
    (global.set $to (i32.add (local.get $start) (i32.const 5)))
    (call $pieces)
    (local.set $end (global.get $to))
    (local.set $left
      (i32.sub (local.get $end) (i32.add (local.get $start) (i32.const 5))))
    (global.set $to (local.get $start))
    (loop $next
      (call $write (i32.or (local.get $left) (i32.const 0x80)))
      (local.set $left (i32.shr_u (local.get $left) (i32.const 7)))
      (br_if $next
        (i32.lt_u (global.get $to) (i32.add (local.get $start) (i32.const 4)))))
    (call $write (local.get $left))
    (global.set $to (local.get $end)))

  ;; Writes the module from `to` on, and says where it ends.
  (func (export "join") (param $to i32) (result i32)
    (global.set $to (local.get $to))
    (call $pieces)
    (global.get $to)))
