-- A `;` inside of a block or of parentheses ends nothing.
create function one() returns int language sql begin atomic select 1; end;
create or replace function two(a int, b text default ';') returns int
begin atomic
  select case when a > 0 then case b when ';' then 1 else 2 end else 3 end;
  insert into t values (a, 'end;');
  select 2; -- end;
end;
create procedure nothing() begin atomic end;
create function expression() returns int return case when true then 1 end;
create function quoted() returns int language plpgsql as $body$
begin
  perform 1;
  if true then raise notice 'end;'; end if;
  return 1;
end;
$body$;
create function plain() returns int language sql as 'select 1; select 2;';
do $$ begin perform ';'; end $$;
do language plpgsql $x$ declare a int := 1; begin commit; end $x$;
create rule r as on insert to t do also (insert into a values (1); delete from b where c = 'x;');
create rule n as on delete to t do instead nothing;
begin; select 1; end;
begin transaction isolation level serializable; commit and chain; rollback work;
start transaction read only; savepoint s; rollback to s; release s; prepare transaction 'x';
commit prepared 'x';
create trigger g before insert on t for each row execute function quoted();
create table begin_atomic (atomic int, "end" int, "case" text check ("case" <> ';'));
select (select 1), (values (1), (2)), row(1, 'a;') from (select ((1))) x;
create schema s create table a (b int) create view v as select 1;
