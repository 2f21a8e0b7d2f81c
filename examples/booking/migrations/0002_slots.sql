create table slots (
    id         text   primary key,
    service_id text   not null references services (id),
    starts_at  bigint not null,
    ends_at    bigint not null,
    check (ends_at > starts_at),
    unique (service_id, starts_at)
);
