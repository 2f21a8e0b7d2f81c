insert into services (id, name, minutes) values
    ('consultation', 'Consultation', 30),
    ('workshop', 'Workshop', 120);
