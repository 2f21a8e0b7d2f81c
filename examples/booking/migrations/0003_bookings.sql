create table bookings (
    id        text   primary key,
    slot_id   text   not null references slots (id),
    customer  text   not null check (length(customer) between 1 and 200),
    status    text   not null default 'booked' check (status in ('booked', 'cancelled', 'completed')),
    booked_at bigint not null,
    reminded  bigint not null default 0
);

-- No double booking, whatever the application does: the database refuses the second one.
create unique index bookings_one_per_slot on bookings (slot_id) where status <> 'cancelled';
create index bookings_by_status on bookings (status);
