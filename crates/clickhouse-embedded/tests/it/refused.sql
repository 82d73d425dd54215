SELECT * FROM file('SECRET', 'LineAsString')
SELECT * FROM `SECRET`
SELECT * FROM default.`SECRET`
SELECT file('SECRET')
SELECT file('SECRET', '')
SELECT arrayMap(file, ['SECRET'])
SELECT file('SECRET') SETTINGS enable_analyzer = 0
INSERT INTO FUNCTION null('l String') VALUES (file('SECRET'))
SELECT hasColumnInTable('ADDRESS', 'default', '', 'system', 'one', 'x')
DROP FUNCTION file
CREATE OR REPLACE FUNCTION file AS x -> x
INSERT INTO FUNCTION file('SECRET.out', 'CSV', 'n UInt8') VALUES (1)
SELECT 1 INTO OUTFILE 'SECRET.out'
SELECT * FROM url('http://ADDRESS/', 'LineAsString')
SELECT * FROM s3('http://ADDRESS/b/k', 'LineAsString')
SELECT * FROM remote('ADDRESS', system.one)
SELECT * FROM mysql('ADDRESS', 'd', 't', 'u', 'p')
SELECT * FROM executable('id', 'TSV', 'x String')
CREATE DATABASE f ENGINE = Filesystem('/tmp')
CREATE DATABASE f ENGINE = PostgreSQL('ADDRESS', 'd', 'u', 'p')
CREATE DATABASE f ENGINE = MySQL('ADDRESS', 'd', 'u', 'p')
CREATE DATABASE f ENGINE = SQLite('/tmp/x')
CREATE DATABASE f ENGINE = S3('http://ADDRESS/b')
CREATE DATABASE f ENGINE = Backup('b', File('/tmp/x'))
CREATE TABLE f (l String) ENGINE = File(LineAsString, 'SECRET')
CREATE TABLE f (l String) ENGINE = URL('http://ADDRESS/', 'CSV')
CREATE TABLE f (l String) ENGINE = Executable('id', 'TSV')
CREATE TABLE f (l String) ENGINE = Distributed('default', 'd', 't')
CREATE USER intruder
GRANT ALL ON *.* TO default
SHOW CREATE USER clickhouse_embedded
EXECUTE AS clickhouse_embedded SELECT 1
CREATE NAMED COLLECTION c AS a = 1
BACKUP DATABASE default TO File('/tmp/x')
SYSTEM SHUTDOWN
SYSTEM KILL
