-- Everything that opens and closes: each statement has a `;` where none ends it.
select 1;
select 'a;b', 'it''s; fine', '';
select E'\';\\', e'it\'s;', E'a'
  'goes on; with a \' quote';
select U&'d\0061t;' , U&"d!0061;ta" uescape '!', N'n;', B'01', X'1F';
select "a;""b" from "sch;ema"."ta ble";
select $$a;b$$, $a$ $$ ; $b$ ; $a$, $ж$ ; $ж$, $_1$;$_1$;
select a$b$c, x$y from t$; select 1 as "$$"; select '$$', $1, $2;
/* a comment ; with 'an open quote /* nested ; */ still ; */ select 2;
select 3 -- a line ; with "an open quote
  + 4;
select 1/*;*/+/*;*/2; select 1--;
;
;; ;
select 'два;', "три;" from таблица where ключ = 'é;ñ';
select '--', '/*', $$--$$, "--" from t; select 5 - -5, 6 -(-6), a->>'b;', c#>>'{d;}' from t;
select 1 <> 2, a @> b, x ~* 'y;', z::text, (array[1,2])[1:2], 1e-5, .5, 5.0, 0x1F, 1_000 from t;
select 'no end of line after this'
