-- What cannot share a transaction, and what looks like it.
create index concurrently i on only a.t using gin (b) where c = ';';
create unique index concurrently if not exists "I;x" on t (lower(b), (a ->> 'k;'));
create index concurrently on t (a);
drop index concurrently if exists a.i, "I;x" cascade;
reindex index concurrently i; reindex (verbose, concurrently) table t; reindex schema s; reindex database;
vacuum (full, analyze) t (a, b); vacuum full verbose t; vacuum; analyze t;
alter type mood add value if not exists 'so;so' before 'sad'; alter type mood rename value 'a' to 'b';
create database d with owner = o template = template0; drop database if exists d with (force);
alter database d set tablespace x; alter database d set work_mem = '1MB';
alter system set work_mem to '1MB'; alter system reset all;
create tablespace x owner o location '/x;'; drop tablespace if exists x;
alter table if exists only t detach partition p concurrently; alter table t detach partition p finalize;
create subscription s connection 'host=h;' publication p with (connect = false, create_slot = false);
alter subscription s refresh publication with (copy_data = false); drop subscription if exists s;
cluster; cluster verbose t using i;
call p(1, 'a;'); discard all; discard temp;
alter table t add column a int not null default 0, add constraint c check (a > 0) not valid;
with x as (update t set a = 1 returning *) delete from only u using x where u.a = x.a;
insert into t (a, b) values (1, ';') on conflict (a) do update set b = excluded.b || ';' returning *;
merge into t using u on t.a = u.a when matched then delete when not matched then insert values (1);
copy t (a, b) from stdin with (format csv, delimiter ';');
1;'open quote
2;$$
\.
copy (select 1) to stdout; copy t from '/tmp/x;y' csv;
COPY "T" FROM stdin;
begin;	select 'a
\.
lock table only t in access exclusive mode nowait; truncate only t, u restart identity cascade;
comment on table t is 'a;b'; comment on column t.a is null; grant select on t to public;
set search_path = a, "b;c"; set local lock_timeout = '1s'; reset all; show work_mem;
security label on table t is 'x;'; listen c; notify c, 'x;'; explain (analyze) select 1;
