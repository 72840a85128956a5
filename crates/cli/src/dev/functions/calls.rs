//! `cloud.callFunction` of one function to another, which goes to its workers.

use std::sync::Weak;

use bytes::Bytes;
use cloudcall_emulator::{FunctionCall, FunctionInvoker, InvokeError};

use super::super::answer::{End, Job, Why};
use super::Functions;
use crate::ids;
use crate::runner::Source;

/// Takes calls for as long as there are functions.
pub(crate) struct FunctionCalls(pub(crate) Weak<Functions>);

#[async_trait::async_trait]
impl FunctionInvoker for FunctionCalls {
    async fn invoke(&self, call: FunctionCall) -> Result<Bytes, InvokeError> {
        let Some(functions) = self.0.upgrade() else {
            return Err(InvokeError::Failed("the tool is about to end".into()));
        };
        let job = Job {
            request_id: ids::request_id(),
            event: call.event,
            caller: functions.caller_of(call.caller_id),
            source: Source::CallFunction,
        };
        match functions.invoke(&call.function, job).await {
            Ok(answer) => match answer.end {
                End::Result(result) => Ok(result),
                End::Error(error) => Err(InvokeError::Failed(
                    String::from_utf8_lossy(&error).into_owned(),
                )),
                End::TimedOut(message) => Err(InvokeError::TimedOut(message)),
                End::Died(message) => Err(InvokeError::Failed(message)),
            },
            Err(refusal) if refusal.why == Why::Unknown => Err(InvokeError::NotFound),
            Err(refusal) => Err(InvokeError::Failed(refusal.text())),
        }
    }
}
