//! The command line: what can be asked, and the help that teaches it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::check::Format;
use crate::dev::environment::Shell;
use crate::exit::Exit;
use crate::runner::CallerArgs;
use crate::target::TargetArgs;

/// The port of `cloudcall dev`, if it is free.
pub(crate) const DEV_PORT: u16 = 9527;

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the function or the call failed; the error is on stdout, as JSON
  2    wrong usage, or a project that cannot be run
  3    the tool itself failed
  130  interrupted with Ctrl-C; after another signal, 128 and its number";

const EXIT_CODES_OF_CHECK: &str = "\
Exit codes:
  0    nothing is wrong
  1    something is wrong; the findings are on stdout
  2    wrong usage, or no such functions
  3    the tool itself failed
  130  interrupted with Ctrl-C; after another signal, 128 and its number";

const EXIT_CODES_OF_PUSH: &str = "\
Exit codes:
  0    done
  1    the function failed; the error is on stdout, as JSON
  2    wrong usage, no `cloudcall dev` at the port, or no function that takes the message
  3    the tool itself failed
  130  interrupted with Ctrl-C; after another signal, 128 and its number";

const EXIT_CODES_OF_ENV: &str = "\
Exit codes:
  0    done
  2    wrong usage, no `cloudcall dev` at the port, or no such function; sh and fish, which take no
       notice of it within $( ) and before |, are given `false` to evaluate
  3    the tool itself failed
  130  interrupted with Ctrl-C; after another signal, 128 and its number";

const MAIN: &str = "\
Examples:
  cloudcall invoke get-temp-media --event '{\"mediaId\":\"sample\"}' -o sample.jpg
  cloudcall call customerServiceMessage.getTempMedia mediaId=sample -o sample.jpg
  cloudcall check
  cloudcall dev

stdout holds the result, as one line of JSON; everything else is on stderr.
No Cloud Call leaves this machine without --live or --api-base.
";

const INVOKE: &str = "\
Examples:
  cloudcall invoke get-temp-media --event '{\"mediaId\":\"sample\"}'
  cloudcall invoke get-temp-media --event @event.json -o sample.jpg
  echo '{\"mediaId\":\"sample\"}' | cloudcall invoke get-temp-media --event -
  cloudcall invoke get-temp-media --event '{\"mediaId\":\"sample\"}' --live
  cloudcall invoke get-temp-media --event @event.json --record session.json
  cloudcall invoke get-temp-media --event @event.json --replay session.json

A function is a folder with an index.js and package.json, run by Node with the real
wx-server-sdk, or one with a Cargo.toml. In it, config.json declares what the function may
call, and its limits:
  { \"permissions\": { \"openapi\": [\"customerServiceMessage.getTempMedia\"] },
    \"timeout\": 3, \"memorySize\": 256, \"envVariables\": { \"NAME\": \"text\" } }
";

const DEV: &str = "\
Examples:
  cloudcall dev
  curl http://127.0.0.1:9527/functions/get-temp-media -d '{\"mediaId\":\"sample\"}'
  curl http://127.0.0.1:9527/functions/get-temp-media -d '{}' -H 'x-wx-openid: o1'
  cloudcall dev --port 8080 --concurrency 20
  curl -N http://127.0.0.1:9527/_cloudcall/journal/stream
  cloudcall dev --record session.json

POST /functions/NAME invokes a function with the body as its event. The answer is its result
with 200, or its error with 500; 504 is its time limit, 502 that it does not build, start or
live, 429 that too many wait. The headers x-wx-openid, x-wx-appid and x-wx-unionid say who
calls. GET /functions lists the functions.

An edit of config.json holds for each request that is sent after it, and so does one of the code
in Node. A function in Rust is built in the background: its last program serves until the next
one is ready, and for as long as the code does not compile. Running invocations end as they began.

GET /_cloudcall/journal lists the newest invocations, Cloud Calls and reloads as JSON;
/_cloudcall/journal/stream goes on with each as it happens (server-sent events).
";

const CALL: &str = "\
Examples:
  cloudcall call customerServiceMessage.getTempMedia mediaId=sample
  cloudcall call customerServiceMessage.getTempMedia mediaId=sample -o sample.jpg
  cloudcall call customerServiceMessage.send --data @message.json touser=OPENID
  cloudcall call customerServiceMessage.getTempMedia mediaId=sample --fault token-expired
";

const EXEC: &str = "\
Examples:
  cloudcall exec --function get-temp-media-node -- npm test
  cloudcall exec --function get-temp-media-node -- node --test
  cloudcall exec --function get-temp-media-node --fault flaky-network -- npm test
  cloudcall exec --function get-temp-media-node --replay session.json -- npm test

The command's environment leads the real wx-server-sdk, of any version with Cloud Calls, and
cloudcall's own SDK to the emulator. cloudcall exits with the command's exit code.
While it runs, $CLOUDCALL_API_BASE/_emulator/faults lists (GET), adds (POST, a SPEC as JSON) and
clears (DELETE) what --fault sets.
A signal is passed on to the command, which has 5 seconds to end, or until a second signal.
At a terminal, processes that the command leaves in the background are its own affair.
";

const PUSH: &str = "\
Examples:
  cloudcall push text --content hello
  cloudcall push image --media-id sample --openid OPENID
  cloudcall push enter-session --session-from menu --function customer-service

It needs a `cloudcall dev` that runs. The message goes to the function of --function, or to the
one whose config.json claims its type, or to the only function:
  { \"messagePush\": [\"text\", \"image\", \"miniprogrampage\", \"user_enter_tempsession\"] }
On the platform that is set in the console, and nobody reads \"messagePush\". To the emulator the
user has written then: the function may send five answers within 48 hours.
Tests can do the same: POST http://127.0.0.1:9527/_cloudcall/push with
  {\"message\":{\"type\":\"image\",\"mediaId\":\"sample\"},\"openId\":\"OPENID\"}
";

const ENV: &str = "\
Examples:
  ( eval \"$(cloudcall env --function get-temp-media-node)\" && npm test )
  cloudcall env --shell powershell | Out-String | Invoke-Expression
  cloudcall env --shell fish | source
  cloudcall env --shell json

It needs a `cloudcall dev` that runs, and what it prints is of use for as long as that does: a
shell of its own, as in the parentheses above, forgets it in time. Permissions are those that
config.json gives at each call. Of the shell's NODE_OPTIONS the rest is kept. A `cloudcall dev`
that reaches WeChat does not tell its secret.
";

const CHECK: &str = "\
Examples:
  cloudcall check
  cloudcall check get-temp-media-node --fix
  cloudcall check --format github --deny-warnings

What it finds, each with the place and what to do:
  errors    Cloud Calls that config.json does not declare (-604101), APIs that do not exist,
            the prefix \"openapi.\", a config.json or code that does not parse, wrong triggers
            and cron expressions, wx-server-sdk too old or not in package.json
  warnings  permissions that are never used, JSON that only lenient readers accept, keys that
            are there twice, and calls that cannot be checked, such as cloud.openapi[name]

Errors make the exit code 1; warnings do not, without --deny-warnings.
Read are the .js, .ts and .rs files of a function, but not node_modules, hidden folders, or
tests: folders named test, tests, __tests__ and files like name.test.js.
";

/// Runs WeChat Mini Program cloud functions on this machine
#[derive(Debug, Parser)]
#[command(name = "cloudcall", version, max_term_width = 100)]
#[command(after_help = format!("{MAIN}\n{EXIT_CODES}"))]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Invoke a function once and print its result
    Invoke(InvokeArgs),
    /// Serve all functions, and reload them when they change, until Ctrl-C
    Dev(DevArgs),
    /// Make one Cloud Call without a function and print the reply
    Call(CallArgs),
    /// Check config.json and package.json against the code, without running anything
    Check(CheckArgs),
    /// Write to customer service as a user: send a message to a function of a running dev
    Push(PushArgs),
    /// Print the variables that lead other processes, such as tests, to a running dev
    Env(EnvArgs),
    /// Run a command, such as a test suite, whose wx-server-sdk or cloudcall reaches the emulator
    Exec(ExecArgs),
    /// End a process group when the tool that has started it is gone
    #[cfg(unix)]
    #[command(name = crate::commands::GUARD, hide = true)]
    Guard(GuardArgs),
}

#[derive(Debug, Args)]
#[command(after_help = format!("{INVOKE}\n{EXIT_CODES}"))]
pub(crate) struct InvokeArgs {
    /// The function: the name of its folder
    pub(crate) function: String,

    /// What the function is given: JSON, @FILE, or - for stdin
    #[arg(short, long, value_name = "JSON", default_value = "{}")]
    pub(crate) event: String,

    /// Write the result's `buffer` to FILE, and print {"file","size"} in its place
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// The folder of the functions [default: cloudfunctionRoot of ./project.config.json, else
    /// functions, else cloudfunctions]
    #[arg(long, value_name = "DIR")]
    pub(crate) functions: Option<PathBuf>,

    /// Run a Node function under Node's debugger, without a time limit: it waits until a debugger
    /// has been attached to the port, and stops before the handler
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "9229")]
    pub(crate) inspect: Option<u16>,

    #[command(flatten)]
    pub(crate) caller: CallerArgs,

    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, Args)]
#[command(after_help = format!("{DEV}\n{EXIT_CODES}"))]
pub(crate) struct DevArgs {
    /// The port; 0 lets the system choose one [default: 9527, or the next that is free]
    #[arg(short, long, value_name = "PORT")]
    pub(crate) port: Option<u16>,

    /// The folder of the functions [default: cloudfunctionRoot of ./project.config.json, else
    /// functions, else cloudfunctions]
    #[arg(long, value_name = "DIR")]
    pub(crate) functions: Option<PathBuf>,

    /// How many workers a function may have: each works on one event at a time
    #[arg(long, value_name = "N", default_value = "10")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) concurrency: u16,

    /// How many requests may wait for a function; further ones are answered with 429
    #[arg(long, value_name = "N", default_value = "1000")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) queue: u16,

    /// How many seconds a worker waits for its next event until it ends
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub(crate) idle: u64,

    /// How what happens is written to stderr
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,

    /// Fire the timers of config.json
    #[arg(long)]
    pub(crate) triggers: bool,

    /// Look for changed files twice a second, where the system does not tell: on network drives,
    /// and on folders that a container or WSL shares
    #[arg(long)]
    pub(crate) poll: bool,

    #[command(flatten)]
    pub(crate) caller: CallerArgs,

    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// How what happens is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people: a line each
    #[default]
    Text,
    /// For machines: a JSON object each, in a line
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = format!("{CALL}\n{EXIT_CODES}"))]
pub(crate) struct CallArgs {
    /// The API, such as customerServiceMessage.getTempMedia
    pub(crate) api: String,

    /// Parameters that are text; they override those of --data
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) parameters: Vec<String>,

    /// All parameters: a JSON object, @FILE, or - for stdin
    #[arg(short, long, value_name = "JSON", default_value = "{}")]
    pub(crate) data: String,

    /// Write the reply's `buffer` to FILE, and print {"file","size"} in its place
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// The config.json that permits the call [env: CLOUDCALL_CONFIG] [default: config.json]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[derive(Debug, Args)]
#[command(after_help = format!("{CHECK}\n{EXIT_CODES_OF_CHECK}"))]
pub(crate) struct CheckArgs {
    /// The functions: the names of their folders [default: all]
    #[arg(value_name = "FUNCTION")]
    pub(crate) functions: Vec<String>,

    /// The folder of the functions [default: cloudfunctionRoot of ./project.config.json, else
    /// functions, else cloudfunctions]
    #[arg(long = "functions", id = "project", value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,

    /// Add the permissions that are missing to config.json, and change nothing else
    #[arg(long)]
    pub(crate) fix: bool,

    /// How findings are written to stdout
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: Format,

    /// Exit with 1 on warnings, too
    #[arg(long)]
    pub(crate) deny_warnings: bool,
}

#[derive(Debug, Args)]
#[command(after_help = format!("{EXEC}\n{EXIT_CODES}"))]
pub(crate) struct ExecArgs {
    /// The function whose config.json says what the command may call [default: ./config.json]
    #[arg(long, value_name = "NAME")]
    pub(crate) function: Option<String>,

    /// The folder of the functions [default: cloudfunctionRoot of ./project.config.json, else
    /// functions, else cloudfunctions]
    #[arg(long, value_name = "DIR")]
    pub(crate) functions: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) caller: CallerArgs,

    #[command(flatten)]
    pub(crate) target: TargetArgs,

    /// The command and its arguments, after --
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
#[command(after_help = format!("{PUSH}\n{EXIT_CODES_OF_PUSH}"))]
pub(crate) struct PushArgs {
    #[command(subcommand)]
    pub(crate) message: MessageArgs,

    /// The user who writes [default: o-a-user-of-customer-service]
    #[arg(long, value_name = "ID", global = true)]
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) openid: Option<String>,

    /// The function that gets the message
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) function: Option<String>,

    /// Where `cloudcall dev` is served
    #[arg(short, long, value_name = "PORT", global = true, default_value_t = DEV_PORT)]
    pub(crate) port: u16,
}

#[derive(Debug, Args)]
#[command(after_help = format!("{ENV}\n{EXIT_CODES_OF_ENV}"))]
pub(crate) struct EnvArgs {
    /// The function whose config.json says what may be called [default: ./config.json of dev]
    #[arg(long, value_name = "NAME")]
    pub(crate) function: Option<String>,

    /// Where `cloudcall dev` is served
    #[arg(short, long, value_name = "PORT", default_value_t = DEV_PORT)]
    pub(crate) port: u16,

    /// Who is to read it
    #[arg(long, value_name = "SHELL", value_enum, default_value_t)]
    pub(crate) shell: Shell,
}

/// What the user does.
#[derive(Debug, Subcommand)]
pub(crate) enum MessageArgs {
    /// Writes a text
    Text {
        /// The text
        #[arg(long, value_name = "TEXT")]
        content: String,
    },
    /// Sends an image
    Image {
        /// The media id, by which getTempMedia finds the image
        #[arg(long, value_name = "ID")]
        #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
        media_id: String,

        /// The URL of the image
        #[arg(
            long,
            value_name = "URL",
            default_value = "",
            hide_default_value = true
        )]
        pic_url: String,
    },
    /// Sends a page of a mini program
    Miniprogrampage {
        /// The title
        #[arg(long, value_name = "TEXT")]
        title: String,

        /// The mini program of the page [default: the one that is written to]
        #[arg(long, value_name = "ID")]
        appid: Option<String>,

        /// The path of the page
        #[arg(long, value_name = "PATH")]
        pagepath: String,

        /// The URL of the picture
        #[arg(
            long,
            value_name = "URL",
            default_value = "",
            hide_default_value = true
        )]
        thumb_url: String,

        /// The media id of the picture
        #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
        thumb_media_id: String,
    },
    /// Opens a session with customer service
    EnterSession {
        /// What the button has as session-from
        #[arg(
            long,
            value_name = "TEXT",
            default_value = "",
            hide_default_value = true
        )]
        session_from: String,
    },
}

#[cfg(unix)]
#[derive(Debug, Args)]
pub(crate) struct GuardArgs {
    /// A folder to remove then
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

/// The command line of this process; help and complaints are printed here.
pub(crate) fn parse() -> Result<Cli, Exit> {
    Cli::try_parse().map_err(|complaint| {
        // Nobody is left to tell when this fails.
        let _ = complaint.print();
        if complaint.use_stderr() {
            Exit::Usage
        } else {
            Exit::Done
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn live_and_another_server_exclude_each_other() {
        let refused = |flags: &str| {
            let line = format!("cloudcall invoke f {flags}");
            Cli::try_parse_from(line.split(' ')).is_err()
        };
        assert!(!refused("--live"));
        assert!(!refused("--api-base http://x --event -"));
        assert!(refused("--live --api-base http://x"));
        assert!(refused("--live --media m"));
        assert!(refused("--api-base http://x --media m"));
        assert!(!refused("--fault busy --fault reset,once --media m"));
        assert!(refused("--live --fault busy"));
        assert!(refused("--api-base http://x --fault busy"));
        assert!(!refused("--replay f"));
        assert!(refused("--replay f --live"));
        assert!(refused("--replay f --api-base http://x"));
        assert!(refused("--replay f --media m"));
        assert!(refused("--replay f --fault busy"));
        assert!(refused("--replay f --record g"));
        assert!(!refused("--record f --live"));
        assert!(!refused("--record f --api-base http://x"));
        assert!(!refused("--record f --media m"));
    }
}
