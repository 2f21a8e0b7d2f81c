-- A journal of version 1, as the first release writes it. Never changed: newer versions go on with it.
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE starts (
    id INTEGER PRIMARY KEY, begun INTEGER NOT NULL, ready INTEGER, ended INTEGER, app TEXT NOT NULL, version TEXT NOT NULL,
    release TEXT, pid INTEGER NOT NULL, first INTEGER NOT NULL
);
CREATE TABLE events (
    id INTEGER PRIMARY KEY, start INTEGER NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, level INTEGER NOT NULL,
    name TEXT NOT NULL, subject TEXT, text TEXT NOT NULL, fields TEXT
);
CREATE TABLE figures (
    span INTEGER NOT NULL, at INTEGER NOT NULL, figure TEXT NOT NULL, subject TEXT NOT NULL, count INTEGER NOT NULL,
    min REAL NOT NULL, max REAL NOT NULL, sum REAL NOT NULL, PRIMARY KEY (span, at, figure, subject)
) WITHOUT ROWID;
INSERT INTO starts VALUES (1, 1795953600000, 1795953602100, 1795960000000, 'shop', '0.1.0', '1.4.2', 4711, 1);
INSERT INTO events VALUES
    (1, 1, 1, 1795953602000, 1, 'step.done', NULL, 'gate: 1 dependency ready (2.0 s)', '{"step":"gate","took":2.0}'),
    (2, 1, 2, 1795953602100, 1, 'start.done', NULL, '`shop` is up after 2.1 s', '{"took":2.1}');
INSERT INTO figures VALUES
    (3600, 1795953600, 'check.pass', 'main', 60, 0.0008, 0.0031, 0.06),
    (3600, 1795953600, 'event health.check', 'main', 60, 0.0, 0.0, 0.0),
    (60, 1795953600, 'check.pass', 'main', 1, 0.001, 0.001, 0.001);
PRAGMA application_id = 1836280428;
PRAGMA user_version = 1;
COMMIT;
