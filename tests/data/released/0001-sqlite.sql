BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE artifacts (
	job_id VARCHAR(40) NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	"key" VARCHAR NOT NULL, 
	media_type VARCHAR NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	duration_ms BIGINT, 
	CONSTRAINT pk_artifacts PRIMARY KEY (job_id, name), 
	CONSTRAINT fk_artifacts_job_id_jobs FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "artifacts" VALUES('job_01kdyatdg8d1hdztax4489731m','audio.flac','local','job_01kdyatdg8d1hdztax4489731m/1/audio.flac','audio/flac',1000,'abababababababababababababababababababababababababababababababab',2100);
INSERT INTO "artifacts" VALUES('job_01kdyatdg8d1hdztax4489731m','manifest.json','local','job_01kdyatdg8d1hdztax4489731m/1/manifest.json','application/json',1000,'abababababababababababababababababababababababababababababababab',NULL);
CREATE TABLE attempts (
	job_id VARCHAR(40) NOT NULL, 
	number INTEGER NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	error JSON, 
	ended_at DATETIME NOT NULL, 
	CONSTRAINT pk_attempts PRIMARY KEY (job_id, number), 
	CONSTRAINT fk_attempts_job_id_jobs FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "attempts" VALUES('job_01kdyazx98rh60z37jb88prgky',1,'local','failed','{"code": "deadline_exceeded", "message": "The job was not done before its deadline.", "is_retryable": false}','2026-01-02 03:12:05.000000');
CREATE TABLE chunk_audio (
	owner VARCHAR(64) NOT NULL, 
	cache_key VARCHAR(64) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	samples INTEGER NOT NULL, 
	is_watermarked BOOLEAN NOT NULL, 
	findings JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	used_at DATETIME NOT NULL, 
	CONSTRAINT pk_chunk_audio PRIMARY KEY (owner, cache_key)
);
INSERT INTO "chunk_audio" VALUES('local','0000000000000000000000000000000000000000000000000000000000000000','0000000000000000000000000000000000000000000000000000000000000000',24000,0,'[]','2026-01-02 03:04:05.000000','2026-01-02 03:04:05.000000');
INSERT INTO "chunk_audio" VALUES('local','0000000000000000000000000000000000000000000000000000000000000001','0000000000000000000000000000000000000000000000000000000000000001',24000,0,'[{"flag": "too_long", "unit": "seconds", "measured": 9.5, "limit": 4.0}]','2026-01-02 03:04:05.000000','2026-01-02 03:04:05.000000');
INSERT INTO "chunk_audio" VALUES('local','0000000000000000000000000000000000000000000000000000000000000002','0000000000000000000000000000000000000000000000000000000000000002',24000,0,'[]','2026-01-02 03:04:05.000000','2026-01-02 03:04:05.000000');
INSERT INTO "chunk_audio" VALUES('local','0000000000000000000000000000000000000000000000000000000000000003','0000000000000000000000000000000000000000000000000000000000000003',24000,0,'[]','2026-01-02 03:04:05.000000','2026-01-02 03:04:05.000000');
CREATE TABLE chunks (
	job_id VARCHAR(40) NOT NULL, 
	"index" INTEGER NOT NULL, 
	segment INTEGER NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	chapter INTEGER NOT NULL, 
	start INTEGER NOT NULL, 
	"end" INTEGER NOT NULL, 
	text VARCHAR NOT NULL, 
	caption VARCHAR NOT NULL, 
	spoken_text VARCHAR NOT NULL, 
	pause_after_ms INTEGER NOT NULL, 
	first_take INTEGER NOT NULL, 
	losses INTEGER NOT NULL, 
	take INTEGER, 
	seed BIGINT, 
	cache_key VARCHAR(64), 
	sha256 VARCHAR(64), 
	samples INTEGER, 
	is_watermarked BOOLEAN NOT NULL, 
	findings JSON NOT NULL, 
	is_cached BOOLEAN NOT NULL, 
	error VARCHAR, 
	CONSTRAINT pk_chunks PRIMARY KEY (job_id, "index"), 
	CONSTRAINT fk_chunks_job_id_jobs FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "chunks" VALUES('job_01kdyapra81zvb0dvjnx1ankxp',0,0,'local','accepted',0,0,10,'ten chars.','ten chars.','ten chars.',100,0,0,0,1,'0000000000000000000000000000000000000000000000000000000000000000','0000000000000000000000000000000000000000000000000000000000000000',24000,0,'[]',0,NULL);
INSERT INTO "chunks" VALUES('job_01kdyapra81zvb0dvjnx1ankxp',1,0,'local','flagged',0,10,20,'ten chars.','ten chars.','ten chars.',100,0,0,0,1,'0000000000000000000000000000000000000000000000000000000000000001','0000000000000000000000000000000000000000000000000000000000000001',24000,0,'[{"flag": "too_long", "unit": "seconds", "measured": 9.5, "limit": 4.0}]',0,NULL);
INSERT INTO "chunks" VALUES('job_01kdyapra81zvb0dvjnx1ankxp',2,1,'local','rendering',0,20,30,'ten chars.','ten chars.','ten chars.',100,0,0,NULL,NULL,NULL,NULL,NULL,0,'[]',0,NULL);
INSERT INTO "chunks" VALUES('job_01kdyapra81zvb0dvjnx1ankxp',3,1,'local','pending',0,30,40,'ten chars.','ten chars.','ten chars.',100,0,0,NULL,NULL,NULL,NULL,NULL,0,'[]',0,NULL);
INSERT INTO "chunks" VALUES('job_01kdyapra81zvb0dvjnx1ankxp',4,2,'local','pending',0,40,50,'ten chars.','ten chars.','ten chars.',100,0,0,NULL,NULL,NULL,NULL,NULL,0,'[]',0,NULL);
INSERT INTO "chunks" VALUES('job_01kdyapra81zvb0dvjnx1ankxp',5,2,'local','pending',0,50,60,'ten chars.','ten chars.','ten chars.',100,0,0,NULL,NULL,NULL,NULL,NULL,0,'[]',0,NULL);
INSERT INTO "chunks" VALUES('job_01kdyarjx89tw3ckye8wfct45x',0,0,'local','accepted',0,0,10,'ten chars.','ten chars.','ten chars.',100,0,0,0,1,'0000000000000000000000000000000000000000000000000000000000000000','0000000000000000000000000000000000000000000000000000000000000000',24000,0,'[]',0,NULL);
INSERT INTO "chunks" VALUES('job_01kdyarjx89tw3ckye8wfct45x',1,0,'local','accepted',0,10,20,'ten chars.','ten chars.','ten chars.',100,0,0,0,1,'0000000000000000000000000000000000000000000000000000000000000001','0000000000000000000000000000000000000000000000000000000000000001',24000,0,'[]',0,NULL);
INSERT INTO "chunks" VALUES('job_01kdyarjx89tw3ckye8wfct45x',2,1,'local','accepted',0,20,30,'ten chars.','ten chars.','ten chars.',100,0,0,0,1,'0000000000000000000000000000000000000000000000000000000000000002','0000000000000000000000000000000000000000000000000000000000000002',24000,0,'[]',0,NULL);
INSERT INTO "chunks" VALUES('job_01kdyarjx89tw3ckye8wfct45x',3,1,'local','accepted',0,30,40,'ten chars.','ten chars.','ten chars.',100,0,0,0,1,'0000000000000000000000000000000000000000000000000000000000000003','0000000000000000000000000000000000000000000000000000000000000003',24000,0,'[]',0,NULL);
INSERT INTO "chunks" VALUES('job_01kdyatdg8d1hdztax4489731m',0,0,'local','accepted',0,0,10,'ten chars.','ten chars.','ten chars.',100,0,0,0,1,'0000000000000000000000000000000000000000000000000000000000000000','0000000000000000000000000000000000000000000000000000000000000000',24000,0,'[]',0,NULL);
INSERT INTO "chunks" VALUES('job_01kdyatdg8d1hdztax4489731m',1,0,'local','accepted',0,10,20,'ten chars.','ten chars.','ten chars.',100,0,0,0,1,'0000000000000000000000000000000000000000000000000000000000000001','0000000000000000000000000000000000000000000000000000000000000001',24000,0,'[]',0,NULL);
INSERT INTO "chunks" VALUES('job_01kdyazx98rh60z37jb88prgky',0,0,'local','pending',0,0,10,'ten chars.','ten chars.','ten chars.',100,0,0,NULL,NULL,NULL,NULL,NULL,0,'[]',0,NULL);
INSERT INTO "chunks" VALUES('job_01kdyazx98rh60z37jb88prgky',1,0,'local','pending',0,10,20,'ten chars.','ten chars.','ten chars.',100,0,0,NULL,NULL,NULL,NULL,NULL,0,'[]',0,NULL);
CREATE TABLE jobs (
	id VARCHAR(40) NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	priority INTEGER NOT NULL, 
	settings JSON NOT NULL, 
	labels JSON NOT NULL, 
	title VARCHAR, 
	author VARCHAR, 
	source BLOB, 
	source_key VARCHAR, 
	source_name VARCHAR NOT NULL, 
	source_media_type VARCHAR NOT NULL, 
	source_size_bytes BIGINT NOT NULL, 
	source_sha256 VARCHAR(64) NOT NULL, 
	destination_profile VARCHAR(64) NOT NULL, 
	destination_prefix VARCHAR NOT NULL, 
	idempotency_key VARCHAR(255), 
	request_sha256 VARCHAR(64), 
	attempt INTEGER NOT NULL, 
	fence INTEGER NOT NULL, 
	lease_holder VARCHAR(64), 
	lease_until DATETIME, 
	tries INTEGER NOT NULL, 
	served_at DATETIME, 
	announce_at DATETIME, 
	characters INTEGER NOT NULL, 
	chunks_total INTEGER NOT NULL, 
	chunks_done INTEGER NOT NULL, 
	chunks_cached INTEGER NOT NULL, 
	chunks_flagged INTEGER NOT NULL, 
	chunks_failed INTEGER NOT NULL, 
	characters_done INTEGER NOT NULL, 
	audio_ms BIGINT NOT NULL, 
	voice_digest VARCHAR(64), 
	engines JSON NOT NULL, 
	error JSON, 
	created_at DATETIME NOT NULL, 
	planned_at DATETIME, 
	rendered_at DATETIME, 
	ended_at DATETIME, 
	updated_at DATETIME NOT NULL, 
	deadline_at DATETIME, 
	expires_at DATETIME, 
	CONSTRAINT pk_jobs PRIMARY KEY (id), 
	CONSTRAINT uq_jobs_owner_idempotency_key UNIQUE (owner, idempotency_key)
);
INSERT INTO "jobs" VALUES('job_01kdyak348rwj8vt9n7jrg37p3','local','queued',5,'{"voice": "default", "delivery": {"exaggeration": 0.5, "cfg_weight": 0.5, "temperature": 0.8, "repetition_penalty": 1.2, "min_p": 0.05, "top_p": 1.0}, "seed": 0, "max_chars": 280, "pauses": {"clause_ms": 80, "sentence_ms": 250, "paragraph_ms": 600, "heading_ms": 900, "chapter_ms": 1800}, "loudness": {"target_lufs": -18.0, "peak_db": -1.5}, "quality": {"policy": "flag", "max_takes": 3}, "outputs": ["flac"], "title": "A title", "author": "An author", "priority": 5, "retention_s": 3600, "deadline_s": 864000, "labels": {"book": "42"}}','{"book": "42"}','A title','An author',X'51756575656420746578742E20416E6F746865722073656E74656E63652E',NULL,'tale.txt','text/plain',30,'947c3ef59b89c362d5a66af1b1b09ba66e6d6a4146ce50ca487133efd45d4412','default','',NULL,NULL,1,0,NULL,NULL,0,NULL,NULL,0,0,0,0,0,0,0,0,NULL,'[]',NULL,'2026-01-02 03:04:05.000000',NULL,NULL,NULL,'2026-01-02 03:04:05.000000','2026-01-12 03:04:05.000000',NULL);
INSERT INTO "jobs" VALUES('job_01kdyamxq80c2a0dwkch24hsem','local','planning',5,'{"voice": "default", "delivery": {"exaggeration": 0.5, "cfg_weight": 0.5, "temperature": 0.8, "repetition_penalty": 1.2, "min_p": 0.05, "top_p": 1.0}, "seed": 0, "max_chars": 280, "pauses": {"clause_ms": 80, "sentence_ms": 250, "paragraph_ms": 600, "heading_ms": 900, "chapter_ms": 1800}, "loudness": {"target_lufs": -18.0, "peak_db": -1.5}, "quality": {"policy": "flag", "max_takes": 3}, "outputs": ["flac"], "title": null, "author": null, "priority": 5, "retention_s": null, "deadline_s": null, "labels": {}}','{}',NULL,NULL,X'506C616E6E696E672E',NULL,'tale.txt','text/plain',9,'f490a606a25a7b7570b4d404ff1ab24f663b19ae77f7498bec1ddde133d01048','default','',NULL,NULL,1,1,'planner-1','2026-01-02 03:06:05.000000',1,NULL,NULL,0,0,0,0,0,0,0,0,NULL,'[]',NULL,'2026-01-02 03:05:05.000000',NULL,NULL,NULL,'2026-01-02 03:05:05.000000',NULL,NULL);
INSERT INTO "jobs" VALUES('job_01kdyapra81zvb0dvjnx1ankxp','local','rendering',5,'{"voice": "default", "delivery": {"exaggeration": 0.7, "cfg_weight": 0.5, "temperature": 0.8, "repetition_penalty": 1.2, "min_p": 0.05, "top_p": 1.0}, "seed": 0, "max_chars": 280, "pauses": {"clause_ms": 80, "sentence_ms": 250, "paragraph_ms": 600, "heading_ms": 900, "chapter_ms": 1800}, "loudness": {"target_lufs": -18.0, "peak_db": -1.5}, "quality": {"policy": "strict", "max_takes": 2}, "outputs": ["m4b", "mp3"], "title": null, "author": null, "priority": 5, "retention_s": null, "deadline_s": null, "labels": {}}','{}',NULL,NULL,X'74656E2063686172732E74656E2063686172732E74656E2063686172732E74656E2063686172732E74656E2063686172732E74656E2063686172732E',NULL,'tale.txt','text/plain',60,'fa2c6ceb9f8c87bc5a3c2289204265207564394ad5ebb9561152485c508776be','default','',NULL,NULL,1,1,NULL,NULL,0,'2026-01-02 03:04:05.000000',NULL,60,6,2,0,1,0,20,2000,NULL,'[]',NULL,'2026-01-02 03:06:05.000000','2026-01-02 03:04:05.000000',NULL,NULL,'2026-01-02 03:04:05.000000',NULL,NULL);
INSERT INTO "jobs" VALUES('job_01kdyarjx89tw3ckye8wfct45x','local','assembling',5,'{"voice": "default", "delivery": {"exaggeration": 0.5, "cfg_weight": 0.5, "temperature": 0.8, "repetition_penalty": 1.2, "min_p": 0.05, "top_p": 1.0}, "seed": 0, "max_chars": 280, "pauses": {"clause_ms": 80, "sentence_ms": 250, "paragraph_ms": 600, "heading_ms": 900, "chapter_ms": 1800}, "loudness": {"target_lufs": -18.0, "peak_db": -1.5}, "quality": {"policy": "flag", "max_takes": 3}, "outputs": ["flac"], "title": null, "author": null, "priority": 5, "retention_s": null, "deadline_s": null, "labels": {}}','{}',NULL,NULL,X'74656E2063686172732E74656E2063686172732E74656E2063686172732E74656E2063686172732E',NULL,'tale.txt','text/plain',40,'4cf6d3eaf5f60ec4ba16a5b7feb1b539df723f939912fd025b7a08f211adb6ee','default','',NULL,NULL,1,1,NULL,NULL,0,'2026-01-02 03:04:05.000000',NULL,40,4,4,0,0,0,40,4000,NULL,'[]',NULL,'2026-01-02 03:07:05.000000','2026-01-02 03:04:05.000000','2026-01-02 03:04:05.000000',NULL,'2026-01-02 03:04:05.000000',NULL,NULL);
INSERT INTO "jobs" VALUES('job_01kdyatdg8d1hdztax4489731m','local','succeeded',5,'{"voice": "default", "delivery": {"exaggeration": 0.5, "cfg_weight": 0.5, "temperature": 0.8, "repetition_penalty": 1.2, "min_p": 0.05, "top_p": 1.0}, "seed": 0, "max_chars": 280, "pauses": {"clause_ms": 80, "sentence_ms": 250, "paragraph_ms": 600, "heading_ms": 900, "chapter_ms": 1800}, "loudness": {"target_lufs": -18.0, "peak_db": -1.5}, "quality": {"policy": "flag", "max_takes": 3}, "outputs": ["flac"], "title": null, "author": null, "priority": 5, "retention_s": null, "deadline_s": null, "labels": {}}','{}',NULL,NULL,X'74656E2063686172732E74656E2063686172732E',NULL,'tale.txt','text/plain',20,'52bbdaeab40c090f5444a1b696631f70cea7237fb365a8a9484d98292f8bdc7f','default','',NULL,NULL,1,2,NULL,NULL,0,'2026-01-02 03:04:05.000000',NULL,20,2,2,0,0,0,20,2000,NULL,'[]',NULL,'2026-01-02 03:08:05.000000','2026-01-02 03:04:05.000000','2026-01-02 03:04:05.000000','2026-01-02 03:10:05.000000','2026-01-02 03:10:05.000000',NULL,NULL);
INSERT INTO "jobs" VALUES('job_01kdyaw838p7x33k60hqmyavrg','local','failed',5,'{"voice": "default", "delivery": {"exaggeration": 0.5, "cfg_weight": 0.5, "temperature": 0.8, "repetition_penalty": 1.2, "min_p": 0.05, "top_p": 1.0}, "seed": 0, "max_chars": 280, "pauses": {"clause_ms": 80, "sentence_ms": 250, "paragraph_ms": 600, "heading_ms": 900, "chapter_ms": 1800}, "loudness": {"target_lufs": -18.0, "peak_db": -1.5}, "quality": {"policy": "flag", "max_takes": 3}, "outputs": ["flac"], "title": null, "author": null, "priority": 5, "retention_s": null, "deadline_s": null, "labels": {}}','{}',NULL,NULL,X'4661696C65642E',NULL,'tale.txt','text/plain',7,'794548f29d319b9d3ed5f813f3af7385c7844e8226ff9db9f440fa992a21f08f','default','',NULL,NULL,1,0,NULL,NULL,0,NULL,NULL,0,0,0,0,0,0,0,0,NULL,'[]','{"code": "deadline_exceeded", "message": "The job was not done before its deadline.", "is_retryable": false}','2026-01-02 03:09:05.000000',NULL,NULL,'2026-01-02 03:10:05.000000','2026-01-02 03:10:05.000000',NULL,NULL);
INSERT INTO "jobs" VALUES('job_01kdyay2p8t3nays9a1004tj4e','local','canceled',5,'{"voice": "default", "delivery": {"exaggeration": 0.5, "cfg_weight": 0.5, "temperature": 0.8, "repetition_penalty": 1.2, "min_p": 0.05, "top_p": 1.0}, "seed": 0, "max_chars": 280, "pauses": {"clause_ms": 80, "sentence_ms": 250, "paragraph_ms": 600, "heading_ms": 900, "chapter_ms": 1800}, "loudness": {"target_lufs": -18.0, "peak_db": -1.5}, "quality": {"policy": "flag", "max_takes": 3}, "outputs": ["flac"], "title": null, "author": null, "priority": 5, "retention_s": null, "deadline_s": null, "labels": {}}','{}',NULL,NULL,X'43616E63656C65642E',NULL,'tale.txt','text/plain',9,'b5056801e52a3578578a5b6179cc7c67101f53954f8ed508a38062cfddab27fa','default','',NULL,NULL,1,0,NULL,NULL,0,NULL,NULL,0,0,0,0,0,0,0,0,NULL,'[]',NULL,'2026-01-02 03:10:05.000000',NULL,NULL,'2026-01-02 03:11:05.000000','2026-01-02 03:11:05.000000',NULL,NULL);
INSERT INTO "jobs" VALUES('job_01kdyazx98rh60z37jb88prgky','local','queued',5,'{"voice": "default", "delivery": {"exaggeration": 0.5, "cfg_weight": 0.5, "temperature": 0.8, "repetition_penalty": 1.2, "min_p": 0.05, "top_p": 1.0}, "seed": 0, "max_chars": 280, "pauses": {"clause_ms": 80, "sentence_ms": 250, "paragraph_ms": 600, "heading_ms": 900, "chapter_ms": 1800}, "loudness": {"target_lufs": -18.0, "peak_db": -1.5}, "quality": {"policy": "flag", "max_takes": 3}, "outputs": ["flac"], "title": null, "author": null, "priority": 5, "retention_s": null, "deadline_s": null, "labels": {}}','{}',NULL,NULL,X'74656E2063686172732E74656E2063686172732E',NULL,'tale.txt','text/plain',20,'52bbdaeab40c090f5444a1b696631f70cea7237fb365a8a9484d98292f8bdc7f','default','',NULL,NULL,2,2,NULL,NULL,0,NULL,NULL,20,2,0,0,0,0,0,0,NULL,'[]','null','2026-01-02 03:11:05.000000','2026-01-02 03:04:05.000000',NULL,NULL,'2026-01-02 03:13:05.000000',NULL,NULL);
CREATE TABLE plans (
	job_id VARCHAR(40) NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	characters INTEGER NOT NULL, 
	chapters JSON NOT NULL, 
	spans JSON NOT NULL, 
	CONSTRAINT pk_plans PRIMARY KEY (job_id), 
	CONSTRAINT fk_plans_job_id_jobs FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "plans" VALUES('job_01kdyapra81zvb0dvjnx1ankxp','local',60,'[]','[]');
INSERT INTO "plans" VALUES('job_01kdyarjx89tw3ckye8wfct45x','local',40,'[]','[]');
INSERT INTO "plans" VALUES('job_01kdyatdg8d1hdztax4489731m','local',20,'[]','[]');
INSERT INTO "plans" VALUES('job_01kdyazx98rh60z37jb88prgky','local',20,'[]','[]');
CREATE TABLE segments (
	job_id VARCHAR(40) NOT NULL, 
	"index" INTEGER NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	fence INTEGER NOT NULL, 
	lease_holder VARCHAR(64), 
	lease_until DATETIME, 
	tries INTEGER NOT NULL, 
	losses INTEGER NOT NULL, 
	CONSTRAINT pk_segments PRIMARY KEY (job_id, "index"), 
	CONSTRAINT fk_segments_job_id_jobs FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "segments" VALUES('job_01kdyapra81zvb0dvjnx1ankxp',0,'local','done',1,NULL,NULL,0,0);
INSERT INTO "segments" VALUES('job_01kdyapra81zvb0dvjnx1ankxp',1,'local','rendering',1,'w2','2026-01-02 03:05:05.000000',1,0);
INSERT INTO "segments" VALUES('job_01kdyapra81zvb0dvjnx1ankxp',2,'local','pending',1,NULL,'2026-01-02 03:05:05.000000',1,0);
INSERT INTO "segments" VALUES('job_01kdyarjx89tw3ckye8wfct45x',0,'local','done',1,NULL,NULL,0,0);
INSERT INTO "segments" VALUES('job_01kdyarjx89tw3ckye8wfct45x',1,'local','done',1,NULL,NULL,0,0);
INSERT INTO "segments" VALUES('job_01kdyatdg8d1hdztax4489731m',0,'local','done',1,NULL,NULL,0,0);
INSERT INTO "segments" VALUES('job_01kdyazx98rh60z37jb88prgky',0,'local','pending',0,NULL,NULL,0,0);
CREATE TABLE voices (
	id VARCHAR(40) NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	recording_key VARCHAR NOT NULL, 
	recording_sha256 VARCHAR(64) NOT NULL, 
	recording_size_bytes BIGINT NOT NULL, 
	duration_s DOUBLE NOT NULL, 
	conditioning_key VARCHAR, 
	digest VARCHAR(64), 
	error VARCHAR, 
	tries INTEGER NOT NULL, 
	lease_until DATETIME, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_voices PRIMARY KEY (id), 
	CONSTRAINT uq_voices_owner_name UNIQUE (owner, name)
);
INSERT INTO "voices" VALUES('voice_01KDY5V300ABCDEFGHJKMNPQRS','local','narrator','preparing','voices/x/recording','cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd',5000,7.5,NULL,NULL,NULL,0,NULL,'2026-01-02 03:04:05.000000');
CREATE TABLE workers (
	id VARCHAR(64) NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	slots INTEGER NOT NULL, 
	engine JSON, 
	started_at DATETIME NOT NULL, 
	seen_at DATETIME NOT NULL, 
	CONSTRAINT pk_workers PRIMARY KEY (id)
);
INSERT INTO "workers" VALUES('worker-1','service','ready',4,'{"voices": ["kumo"], "model": "demo"}','2026-01-02 03:04:05.000000','2026-01-02 03:13:05.000000');
CREATE INDEX ix_chunk_audio_sha256 ON chunk_audio (sha256);
CREATE INDEX ix_chunk_audio_used_at ON chunk_audio (used_at);
CREATE INDEX ix_jobs_expires_at ON jobs (expires_at);
CREATE INDEX ix_jobs_owner_id ON jobs (owner, id);
CREATE INDEX ix_jobs_state_lease_until ON jobs (state, lease_until);
CREATE INDEX ix_voices_state_lease_until ON voices (state, lease_until);
CREATE INDEX ix_segments_state_lease_until ON segments (state, lease_until);
CREATE INDEX ix_chunks_job_id_segment ON chunks (job_id, segment);
CREATE INDEX ix_chunks_job_id_state ON chunks (job_id, state);
CREATE INDEX ix_chunks_sha256 ON chunks (sha256);
COMMIT;
