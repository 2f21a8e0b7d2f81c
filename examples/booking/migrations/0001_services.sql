-- What can be booked. The same files serve SQLite and PostgreSQL: identifiers are made by the application,
-- times are seconds since 1970 in UTC.
create table services (
    id      text   primary key,
    name    text   not null unique,
    minutes bigint not null check (minutes between 5 and 480)
);
