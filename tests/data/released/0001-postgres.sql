--
-- PostgreSQL database dump
--

\restrict lSX6L7z6ynQAossGm0DSzZC5ITgJpcq3iXyXFxSVbSEUrra1Iko1e5m5Ulkzgc8

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: artifacts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.artifacts (
    job_id character varying(40) NOT NULL,
    name character varying(128) NOT NULL,
    owner character varying(64) NOT NULL,
    key character varying NOT NULL,
    media_type character varying NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 character varying(64) NOT NULL,
    duration_ms bigint
);


--
-- Name: attempts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.attempts (
    job_id character varying(40) NOT NULL,
    number integer NOT NULL,
    owner character varying(64) NOT NULL,
    state character varying(16) NOT NULL,
    error jsonb,
    ended_at timestamp with time zone NOT NULL
);


--
-- Name: chunk_audio; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.chunk_audio (
    owner character varying(64) NOT NULL,
    cache_key character varying(64) NOT NULL,
    sha256 character varying(64) NOT NULL,
    samples integer NOT NULL,
    is_watermarked boolean NOT NULL,
    findings jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone NOT NULL
);


--
-- Name: chunks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.chunks (
    job_id character varying(40) NOT NULL,
    index integer NOT NULL,
    segment integer NOT NULL,
    owner character varying(64) NOT NULL,
    state character varying(16) NOT NULL,
    chapter integer NOT NULL,
    start integer NOT NULL,
    "end" integer NOT NULL,
    text character varying NOT NULL,
    caption character varying NOT NULL,
    spoken_text character varying NOT NULL,
    pause_after_ms integer NOT NULL,
    first_take integer NOT NULL,
    losses integer NOT NULL,
    take integer,
    seed bigint,
    cache_key character varying(64),
    sha256 character varying(64),
    samples integer,
    is_watermarked boolean NOT NULL,
    findings jsonb NOT NULL,
    is_cached boolean NOT NULL,
    error character varying
);


--
-- Name: jobs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.jobs (
    id character varying(40) NOT NULL,
    owner character varying(64) NOT NULL,
    state character varying(16) NOT NULL,
    priority integer NOT NULL,
    settings jsonb NOT NULL,
    labels jsonb NOT NULL,
    title character varying,
    author character varying,
    source bytea,
    source_key character varying,
    source_name character varying NOT NULL,
    source_media_type character varying NOT NULL,
    source_size_bytes bigint NOT NULL,
    source_sha256 character varying(64) NOT NULL,
    destination_profile character varying(64) NOT NULL,
    destination_prefix character varying NOT NULL,
    idempotency_key character varying(255),
    request_sha256 character varying(64),
    attempt integer NOT NULL,
    fence integer NOT NULL,
    lease_holder character varying(64),
    lease_until timestamp with time zone,
    tries integer NOT NULL,
    served_at timestamp with time zone,
    announce_at timestamp with time zone,
    characters integer NOT NULL,
    chunks_total integer NOT NULL,
    chunks_done integer NOT NULL,
    chunks_cached integer NOT NULL,
    chunks_flagged integer NOT NULL,
    chunks_failed integer NOT NULL,
    characters_done integer NOT NULL,
    audio_ms bigint NOT NULL,
    voice_digest character varying(64),
    engines jsonb NOT NULL,
    error jsonb,
    created_at timestamp with time zone NOT NULL,
    planned_at timestamp with time zone,
    rendered_at timestamp with time zone,
    ended_at timestamp with time zone,
    updated_at timestamp with time zone NOT NULL,
    deadline_at timestamp with time zone,
    expires_at timestamp with time zone
);


--
-- Name: plans; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.plans (
    job_id character varying(40) NOT NULL,
    owner character varying(64) NOT NULL,
    characters integer NOT NULL,
    chapters jsonb NOT NULL,
    spans jsonb NOT NULL
);


--
-- Name: segments; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.segments (
    job_id character varying(40) NOT NULL,
    index integer NOT NULL,
    owner character varying(64) NOT NULL,
    state character varying(16) NOT NULL,
    fence integer NOT NULL,
    lease_holder character varying(64),
    lease_until timestamp with time zone,
    tries integer NOT NULL,
    losses integer NOT NULL
);


--
-- Name: voices; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.voices (
    id character varying(40) NOT NULL,
    owner character varying(64) NOT NULL,
    name character varying(64) NOT NULL,
    state character varying(16) NOT NULL,
    recording_key character varying NOT NULL,
    recording_sha256 character varying(64) NOT NULL,
    recording_size_bytes bigint NOT NULL,
    duration_s double precision NOT NULL,
    conditioning_key character varying,
    digest character varying(64),
    error character varying,
    tries integer NOT NULL,
    lease_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: workers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.workers (
    id character varying(64) NOT NULL,
    owner character varying(64) NOT NULL,
    state character varying(16) NOT NULL,
    slots integer NOT NULL,
    engine jsonb,
    started_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL
);


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alembic_version VALUES ('0001');


--
-- Data for Name: artifacts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.artifacts VALUES ('job_01kdyatdg811mgrtkqdbb9v7z4', 'audio.flac', 'local', 'job_01kdyatdg811mgrtkqdbb9v7z4/1/audio.flac', 'audio/flac', 1000, 'abababababababababababababababababababababababababababababababab', 2100);
INSERT INTO public.artifacts VALUES ('job_01kdyatdg811mgrtkqdbb9v7z4', 'manifest.json', 'local', 'job_01kdyatdg811mgrtkqdbb9v7z4/1/manifest.json', 'application/json', 1000, 'abababababababababababababababababababababababababababababababab', NULL);


--
-- Data for Name: attempts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.attempts VALUES ('job_01kdyazx985tcbh2kqfaqgg28w', 1, 'local', 'failed', '{"code": "deadline_exceeded", "message": "The job was not done before its deadline.", "is_retryable": false}', '2026-01-02 03:12:05+00');


--
-- Data for Name: chunk_audio; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.chunk_audio VALUES ('local', '0000000000000000000000000000000000000000000000000000000000000000', '0000000000000000000000000000000000000000000000000000000000000000', 24000, false, '[]', '2026-01-02 03:04:05+00', '2026-01-02 03:04:05+00');
INSERT INTO public.chunk_audio VALUES ('local', '0000000000000000000000000000000000000000000000000000000000000001', '0000000000000000000000000000000000000000000000000000000000000001', 24000, false, '[{"flag": "too_long", "unit": "seconds", "limit": 4.0, "measured": 9.5}]', '2026-01-02 03:04:05+00', '2026-01-02 03:04:05+00');
INSERT INTO public.chunk_audio VALUES ('local', '0000000000000000000000000000000000000000000000000000000000000002', '0000000000000000000000000000000000000000000000000000000000000002', 24000, false, '[]', '2026-01-02 03:04:05+00', '2026-01-02 03:04:05+00');
INSERT INTO public.chunk_audio VALUES ('local', '0000000000000000000000000000000000000000000000000000000000000003', '0000000000000000000000000000000000000000000000000000000000000003', 24000, false, '[]', '2026-01-02 03:04:05+00', '2026-01-02 03:04:05+00');


--
-- Data for Name: chunks; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.chunks VALUES ('job_01kdyapra8ws349y3spnxd977y', 3, 1, 'local', 'pending', 0, 30, 40, 'ten chars.', 'ten chars.', 'ten chars.', 100, 0, 0, NULL, NULL, NULL, NULL, NULL, false, '[]', false, NULL);
INSERT INTO public.chunks VALUES ('job_01kdyapra8ws349y3spnxd977y', 4, 2, 'local', 'pending', 0, 40, 50, 'ten chars.', 'ten chars.', 'ten chars.', 100, 0, 0, NULL, NULL, NULL, NULL, NULL, false, '[]', false, NULL);
INSERT INTO public.chunks VALUES ('job_01kdyapra8ws349y3spnxd977y', 5, 2, 'local', 'pending', 0, 50, 60, 'ten chars.', 'ten chars.', 'ten chars.', 100, 0, 0, NULL, NULL, NULL, NULL, NULL, false, '[]', false, NULL);
INSERT INTO public.chunks VALUES ('job_01kdyapra8ws349y3spnxd977y', 0, 0, 'local', 'accepted', 0, 0, 10, 'ten chars.', 'ten chars.', 'ten chars.', 100, 0, 0, 0, 1, '0000000000000000000000000000000000000000000000000000000000000000', '0000000000000000000000000000000000000000000000000000000000000000', 24000, false, '[]', false, NULL);
INSERT INTO public.chunks VALUES ('job_01kdyapra8ws349y3spnxd977y', 1, 0, 'local', 'flagged', 0, 10, 20, 'ten chars.', 'ten chars.', 'ten chars.', 100, 0, 0, 0, 1, '0000000000000000000000000000000000000000000000000000000000000001', '0000000000000000000000000000000000000000000000000000000000000001', 24000, false, '[{"flag": "too_long", "unit": "seconds", "limit": 4.0, "measured": 9.5}]', false, NULL);
INSERT INTO public.chunks VALUES ('job_01kdyapra8ws349y3spnxd977y', 2, 1, 'local', 'rendering', 0, 20, 30, 'ten chars.', 'ten chars.', 'ten chars.', 100, 0, 0, NULL, NULL, NULL, NULL, NULL, false, '[]', false, NULL);
INSERT INTO public.chunks VALUES ('job_01kdyarjx8jhtsn6sjetqx9d8a', 0, 0, 'local', 'accepted', 0, 0, 10, 'ten chars.', 'ten chars.', 'ten chars.', 100, 0, 0, 0, 1, '0000000000000000000000000000000000000000000000000000000000000000', '0000000000000000000000000000000000000000000000000000000000000000', 24000, false, '[]', false, NULL);
INSERT INTO public.chunks VALUES ('job_01kdyarjx8jhtsn6sjetqx9d8a', 1, 0, 'local', 'accepted', 0, 10, 20, 'ten chars.', 'ten chars.', 'ten chars.', 100, 0, 0, 0, 1, '0000000000000000000000000000000000000000000000000000000000000001', '0000000000000000000000000000000000000000000000000000000000000001', 24000, false, '[]', false, NULL);
INSERT INTO public.chunks VALUES ('job_01kdyarjx8jhtsn6sjetqx9d8a', 2, 1, 'local', 'accepted', 0, 20, 30, 'ten chars.', 'ten chars.', 'ten chars.', 100, 0, 0, 0, 1, '0000000000000000000000000000000000000000000000000000000000000002', '0000000000000000000000000000000000000000000000000000000000000002', 24000, false, '[]', false, NULL);
INSERT INTO public.chunks VALUES ('job_01kdyarjx8jhtsn6sjetqx9d8a', 3, 1, 'local', 'accepted', 0, 30, 40, 'ten chars.', 'ten chars.', 'ten chars.', 100, 0, 0, 0, 1, '0000000000000000000000000000000000000000000000000000000000000003', '0000000000000000000000000000000000000000000000000000000000000003', 24000, false, '[]', false, NULL);
INSERT INTO public.chunks VALUES ('job_01kdyatdg811mgrtkqdbb9v7z4', 0, 0, 'local', 'accepted', 0, 0, 10, 'ten chars.', 'ten chars.', 'ten chars.', 100, 0, 0, 0, 1, '0000000000000000000000000000000000000000000000000000000000000000', '0000000000000000000000000000000000000000000000000000000000000000', 24000, false, '[]', false, NULL);
INSERT INTO public.chunks VALUES ('job_01kdyatdg811mgrtkqdbb9v7z4', 1, 0, 'local', 'accepted', 0, 10, 20, 'ten chars.', 'ten chars.', 'ten chars.', 100, 0, 0, 0, 1, '0000000000000000000000000000000000000000000000000000000000000001', '0000000000000000000000000000000000000000000000000000000000000001', 24000, false, '[]', false, NULL);
INSERT INTO public.chunks VALUES ('job_01kdyazx985tcbh2kqfaqgg28w', 0, 0, 'local', 'pending', 0, 0, 10, 'ten chars.', 'ten chars.', 'ten chars.', 100, 0, 0, NULL, NULL, NULL, NULL, NULL, false, '[]', false, NULL);
INSERT INTO public.chunks VALUES ('job_01kdyazx985tcbh2kqfaqgg28w', 1, 0, 'local', 'pending', 0, 10, 20, 'ten chars.', 'ten chars.', 'ten chars.', 100, 0, 0, NULL, NULL, NULL, NULL, NULL, false, '[]', false, NULL);


--
-- Data for Name: jobs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.jobs VALUES ('job_01kdyak348vey58frccqscktw3', 'local', 'queued', 5, '{"seed": 0, "title": "A title", "voice": "default", "author": "An author", "labels": {"book": "42"}, "pauses": {"clause_ms": 80, "chapter_ms": 1800, "heading_ms": 900, "sentence_ms": 250, "paragraph_ms": 600}, "outputs": ["flac"], "quality": {"policy": "flag", "max_takes": 3}, "delivery": {"min_p": 0.05, "top_p": 1.0, "cfg_weight": 0.5, "temperature": 0.8, "exaggeration": 0.5, "repetition_penalty": 1.2}, "loudness": {"peak_db": -1.5, "target_lufs": -18.0}, "priority": 5, "max_chars": 280, "deadline_s": 864000, "retention_s": 3600}', '{"book": "42"}', 'A title', 'An author', '\x51756575656420746578742e20416e6f746865722073656e74656e63652e', NULL, 'tale.txt', 'text/plain', 30, '947c3ef59b89c362d5a66af1b1b09ba66e6d6a4146ce50ca487133efd45d4412', 'default', '', NULL, NULL, 1, 0, NULL, NULL, 0, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, NULL, '[]', NULL, '2026-01-02 03:04:05+00', NULL, NULL, NULL, '2026-01-02 03:04:05+00', '2026-01-12 03:04:05+00', NULL);
INSERT INTO public.jobs VALUES ('job_01kdyamxq8dpagdz6mv3vmj5nt', 'local', 'planning', 5, '{"seed": 0, "title": null, "voice": "default", "author": null, "labels": {}, "pauses": {"clause_ms": 80, "chapter_ms": 1800, "heading_ms": 900, "sentence_ms": 250, "paragraph_ms": 600}, "outputs": ["flac"], "quality": {"policy": "flag", "max_takes": 3}, "delivery": {"min_p": 0.05, "top_p": 1.0, "cfg_weight": 0.5, "temperature": 0.8, "exaggeration": 0.5, "repetition_penalty": 1.2}, "loudness": {"peak_db": -1.5, "target_lufs": -18.0}, "priority": 5, "max_chars": 280, "deadline_s": null, "retention_s": null}', '{}', NULL, NULL, '\x506c616e6e696e672e', NULL, 'tale.txt', 'text/plain', 9, 'f490a606a25a7b7570b4d404ff1ab24f663b19ae77f7498bec1ddde133d01048', 'default', '', NULL, NULL, 1, 1, 'planner-1', '2026-01-02 03:06:05+00', 1, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, NULL, '[]', NULL, '2026-01-02 03:05:05+00', NULL, NULL, NULL, '2026-01-02 03:05:05+00', NULL, NULL);
INSERT INTO public.jobs VALUES ('job_01kdyapra8ws349y3spnxd977y', 'local', 'rendering', 5, '{"seed": 0, "title": null, "voice": "default", "author": null, "labels": {}, "pauses": {"clause_ms": 80, "chapter_ms": 1800, "heading_ms": 900, "sentence_ms": 250, "paragraph_ms": 600}, "outputs": ["m4b", "mp3"], "quality": {"policy": "strict", "max_takes": 2}, "delivery": {"min_p": 0.05, "top_p": 1.0, "cfg_weight": 0.5, "temperature": 0.8, "exaggeration": 0.7, "repetition_penalty": 1.2}, "loudness": {"peak_db": -1.5, "target_lufs": -18.0}, "priority": 5, "max_chars": 280, "deadline_s": null, "retention_s": null}', '{}', NULL, NULL, '\x74656e2063686172732e74656e2063686172732e74656e2063686172732e74656e2063686172732e74656e2063686172732e74656e2063686172732e', NULL, 'tale.txt', 'text/plain', 60, 'fa2c6ceb9f8c87bc5a3c2289204265207564394ad5ebb9561152485c508776be', 'default', '', NULL, NULL, 1, 1, NULL, NULL, 0, '2026-01-02 03:04:05+00', NULL, 60, 6, 2, 0, 1, 0, 20, 2000, NULL, '[]', NULL, '2026-01-02 03:06:05+00', '2026-01-02 03:04:05+00', NULL, NULL, '2026-01-02 03:04:05+00', NULL, NULL);
INSERT INTO public.jobs VALUES ('job_01kdyatdg811mgrtkqdbb9v7z4', 'local', 'succeeded', 5, '{"seed": 0, "title": null, "voice": "default", "author": null, "labels": {}, "pauses": {"clause_ms": 80, "chapter_ms": 1800, "heading_ms": 900, "sentence_ms": 250, "paragraph_ms": 600}, "outputs": ["flac"], "quality": {"policy": "flag", "max_takes": 3}, "delivery": {"min_p": 0.05, "top_p": 1.0, "cfg_weight": 0.5, "temperature": 0.8, "exaggeration": 0.5, "repetition_penalty": 1.2}, "loudness": {"peak_db": -1.5, "target_lufs": -18.0}, "priority": 5, "max_chars": 280, "deadline_s": null, "retention_s": null}', '{}', NULL, NULL, '\x74656e2063686172732e74656e2063686172732e', NULL, 'tale.txt', 'text/plain', 20, '52bbdaeab40c090f5444a1b696631f70cea7237fb365a8a9484d98292f8bdc7f', 'default', '', NULL, NULL, 1, 2, NULL, NULL, 0, '2026-01-02 03:04:05+00', NULL, 20, 2, 2, 0, 0, 0, 20, 2000, NULL, '[]', NULL, '2026-01-02 03:08:05+00', '2026-01-02 03:04:05+00', '2026-01-02 03:04:05+00', '2026-01-02 03:10:05+00', '2026-01-02 03:10:05+00', NULL, NULL);
INSERT INTO public.jobs VALUES ('job_01kdyaw838h94d1srw11bj67f9', 'local', 'failed', 5, '{"seed": 0, "title": null, "voice": "default", "author": null, "labels": {}, "pauses": {"clause_ms": 80, "chapter_ms": 1800, "heading_ms": 900, "sentence_ms": 250, "paragraph_ms": 600}, "outputs": ["flac"], "quality": {"policy": "flag", "max_takes": 3}, "delivery": {"min_p": 0.05, "top_p": 1.0, "cfg_weight": 0.5, "temperature": 0.8, "exaggeration": 0.5, "repetition_penalty": 1.2}, "loudness": {"peak_db": -1.5, "target_lufs": -18.0}, "priority": 5, "max_chars": 280, "deadline_s": null, "retention_s": null}', '{}', NULL, NULL, '\x4661696c65642e', NULL, 'tale.txt', 'text/plain', 7, '794548f29d319b9d3ed5f813f3af7385c7844e8226ff9db9f440fa992a21f08f', 'default', '', NULL, NULL, 1, 0, NULL, NULL, 0, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, NULL, '[]', '{"code": "deadline_exceeded", "message": "The job was not done before its deadline.", "is_retryable": false}', '2026-01-02 03:09:05+00', NULL, NULL, '2026-01-02 03:10:05+00', '2026-01-02 03:10:05+00', NULL, NULL);
INSERT INTO public.jobs VALUES ('job_01kdyarjx8jhtsn6sjetqx9d8a', 'local', 'assembling', 5, '{"seed": 0, "title": null, "voice": "default", "author": null, "labels": {}, "pauses": {"clause_ms": 80, "chapter_ms": 1800, "heading_ms": 900, "sentence_ms": 250, "paragraph_ms": 600}, "outputs": ["flac"], "quality": {"policy": "flag", "max_takes": 3}, "delivery": {"min_p": 0.05, "top_p": 1.0, "cfg_weight": 0.5, "temperature": 0.8, "exaggeration": 0.5, "repetition_penalty": 1.2}, "loudness": {"peak_db": -1.5, "target_lufs": -18.0}, "priority": 5, "max_chars": 280, "deadline_s": null, "retention_s": null}', '{}', NULL, NULL, '\x74656e2063686172732e74656e2063686172732e74656e2063686172732e74656e2063686172732e', NULL, 'tale.txt', 'text/plain', 40, '4cf6d3eaf5f60ec4ba16a5b7feb1b539df723f939912fd025b7a08f211adb6ee', 'default', '', NULL, NULL, 1, 1, NULL, NULL, 0, '2026-01-02 03:04:05+00', NULL, 40, 4, 4, 0, 0, 0, 40, 4000, NULL, '[]', NULL, '2026-01-02 03:07:05+00', '2026-01-02 03:04:05+00', '2026-01-02 03:04:05+00', NULL, '2026-01-02 03:04:05+00', NULL, NULL);
INSERT INTO public.jobs VALUES ('job_01kdyay2p8bj8gmdbmyk8f48y4', 'local', 'canceled', 5, '{"seed": 0, "title": null, "voice": "default", "author": null, "labels": {}, "pauses": {"clause_ms": 80, "chapter_ms": 1800, "heading_ms": 900, "sentence_ms": 250, "paragraph_ms": 600}, "outputs": ["flac"], "quality": {"policy": "flag", "max_takes": 3}, "delivery": {"min_p": 0.05, "top_p": 1.0, "cfg_weight": 0.5, "temperature": 0.8, "exaggeration": 0.5, "repetition_penalty": 1.2}, "loudness": {"peak_db": -1.5, "target_lufs": -18.0}, "priority": 5, "max_chars": 280, "deadline_s": null, "retention_s": null}', '{}', NULL, NULL, '\x43616e63656c65642e', NULL, 'tale.txt', 'text/plain', 9, 'b5056801e52a3578578a5b6179cc7c67101f53954f8ed508a38062cfddab27fa', 'default', '', NULL, NULL, 1, 0, NULL, NULL, 0, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, NULL, '[]', NULL, '2026-01-02 03:10:05+00', NULL, NULL, '2026-01-02 03:11:05+00', '2026-01-02 03:11:05+00', NULL, NULL);
INSERT INTO public.jobs VALUES ('job_01kdyazx985tcbh2kqfaqgg28w', 'local', 'queued', 5, '{"seed": 0, "title": null, "voice": "default", "author": null, "labels": {}, "pauses": {"clause_ms": 80, "chapter_ms": 1800, "heading_ms": 900, "sentence_ms": 250, "paragraph_ms": 600}, "outputs": ["flac"], "quality": {"policy": "flag", "max_takes": 3}, "delivery": {"min_p": 0.05, "top_p": 1.0, "cfg_weight": 0.5, "temperature": 0.8, "exaggeration": 0.5, "repetition_penalty": 1.2}, "loudness": {"peak_db": -1.5, "target_lufs": -18.0}, "priority": 5, "max_chars": 280, "deadline_s": null, "retention_s": null}', '{}', NULL, NULL, '\x74656e2063686172732e74656e2063686172732e', NULL, 'tale.txt', 'text/plain', 20, '52bbdaeab40c090f5444a1b696631f70cea7237fb365a8a9484d98292f8bdc7f', 'default', '', NULL, NULL, 2, 2, NULL, NULL, 0, NULL, NULL, 20, 2, 0, 0, 0, 0, 0, 0, NULL, '[]', 'null', '2026-01-02 03:11:05+00', '2026-01-02 03:04:05+00', NULL, NULL, '2026-01-02 03:13:05+00', NULL, NULL);


--
-- Data for Name: plans; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.plans VALUES ('job_01kdyapra8ws349y3spnxd977y', 'local', 60, '[]', '[]');
INSERT INTO public.plans VALUES ('job_01kdyarjx8jhtsn6sjetqx9d8a', 'local', 40, '[]', '[]');
INSERT INTO public.plans VALUES ('job_01kdyatdg811mgrtkqdbb9v7z4', 'local', 20, '[]', '[]');
INSERT INTO public.plans VALUES ('job_01kdyazx985tcbh2kqfaqgg28w', 'local', 20, '[]', '[]');


--
-- Data for Name: segments; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.segments VALUES ('job_01kdyapra8ws349y3spnxd977y', 0, 'local', 'done', 1, NULL, NULL, 0, 0);
INSERT INTO public.segments VALUES ('job_01kdyapra8ws349y3spnxd977y', 1, 'local', 'rendering', 1, 'w2', '2026-01-02 03:05:05+00', 1, 0);
INSERT INTO public.segments VALUES ('job_01kdyarjx8jhtsn6sjetqx9d8a', 0, 'local', 'done', 1, NULL, NULL, 0, 0);
INSERT INTO public.segments VALUES ('job_01kdyarjx8jhtsn6sjetqx9d8a', 1, 'local', 'done', 1, NULL, NULL, 0, 0);
INSERT INTO public.segments VALUES ('job_01kdyapra8ws349y3spnxd977y', 2, 'local', 'pending', 1, NULL, '2026-01-02 03:05:05+00', 1, 0);
INSERT INTO public.segments VALUES ('job_01kdyatdg811mgrtkqdbb9v7z4', 0, 'local', 'done', 1, NULL, NULL, 0, 0);
INSERT INTO public.segments VALUES ('job_01kdyazx985tcbh2kqfaqgg28w', 0, 'local', 'pending', 0, NULL, NULL, 0, 0);


--
-- Data for Name: voices; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.voices VALUES ('voice_01KDY5V300ABCDEFGHJKMNPQRS', 'local', 'narrator', 'preparing', 'voices/x/recording', 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', 5000, 7.5, NULL, NULL, NULL, 0, NULL, '2026-01-02 03:04:05+00');


--
-- Data for Name: workers; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.workers VALUES ('worker-1', 'service', 'ready', 4, '{"model": "demo", "voices": ["kumo"]}', '2026-01-02 03:04:05+00', '2026-01-02 03:13:05+00');


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: artifacts pk_artifacts; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.artifacts
    ADD CONSTRAINT pk_artifacts PRIMARY KEY (job_id, name);


--
-- Name: attempts pk_attempts; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT pk_attempts PRIMARY KEY (job_id, number);


--
-- Name: chunk_audio pk_chunk_audio; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chunk_audio
    ADD CONSTRAINT pk_chunk_audio PRIMARY KEY (owner, cache_key);


--
-- Name: chunks pk_chunks; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chunks
    ADD CONSTRAINT pk_chunks PRIMARY KEY (job_id, index);


--
-- Name: jobs pk_jobs; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT pk_jobs PRIMARY KEY (id);


--
-- Name: plans pk_plans; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.plans
    ADD CONSTRAINT pk_plans PRIMARY KEY (job_id);


--
-- Name: segments pk_segments; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.segments
    ADD CONSTRAINT pk_segments PRIMARY KEY (job_id, index);


--
-- Name: voices pk_voices; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.voices
    ADD CONSTRAINT pk_voices PRIMARY KEY (id);


--
-- Name: workers pk_workers; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workers
    ADD CONSTRAINT pk_workers PRIMARY KEY (id);


--
-- Name: jobs uq_jobs_owner_idempotency_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT uq_jobs_owner_idempotency_key UNIQUE (owner, idempotency_key);


--
-- Name: voices uq_voices_owner_name; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.voices
    ADD CONSTRAINT uq_voices_owner_name UNIQUE (owner, name);


--
-- Name: ix_chunk_audio_sha256; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_chunk_audio_sha256 ON public.chunk_audio USING btree (sha256);


--
-- Name: ix_chunk_audio_used_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_chunk_audio_used_at ON public.chunk_audio USING btree (used_at);


--
-- Name: ix_chunks_job_id_segment; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_chunks_job_id_segment ON public.chunks USING btree (job_id, segment);


--
-- Name: ix_chunks_job_id_state; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_chunks_job_id_state ON public.chunks USING btree (job_id, state);


--
-- Name: ix_chunks_sha256; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_chunks_sha256 ON public.chunks USING btree (sha256);


--
-- Name: ix_jobs_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_jobs_expires_at ON public.jobs USING btree (expires_at);


--
-- Name: ix_jobs_owner_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_jobs_owner_id ON public.jobs USING btree (owner, id);


--
-- Name: ix_jobs_state_lease_until; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_jobs_state_lease_until ON public.jobs USING btree (state, lease_until);


--
-- Name: ix_segments_state_lease_until; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_segments_state_lease_until ON public.segments USING btree (state, lease_until);


--
-- Name: ix_voices_state_lease_until; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_voices_state_lease_until ON public.voices USING btree (state, lease_until);


--
-- Name: artifacts fk_artifacts_job_id_jobs; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.artifacts
    ADD CONSTRAINT fk_artifacts_job_id_jobs FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;


--
-- Name: attempts fk_attempts_job_id_jobs; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT fk_attempts_job_id_jobs FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;


--
-- Name: chunks fk_chunks_job_id_jobs; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chunks
    ADD CONSTRAINT fk_chunks_job_id_jobs FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;


--
-- Name: plans fk_plans_job_id_jobs; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.plans
    ADD CONSTRAINT fk_plans_job_id_jobs FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;


--
-- Name: segments fk_segments_job_id_jobs; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.segments
    ADD CONSTRAINT fk_segments_job_id_jobs FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;


--
-- PostgreSQL database dump complete
--

\unrestrict lSX6L7z6ynQAossGm0DSzZC5ITgJpcq3iXyXFxSVbSEUrra1Iko1e5m5Ulkzgc8

