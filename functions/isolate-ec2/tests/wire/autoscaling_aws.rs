//! One Auto Scaling group, as Auto Scaling shows it.

use crate::INSTANCE;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) const GROUP: &str = "web";

/// The group, and the instance in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// The state of the instance. Nothing: it is no member.
    pub(crate) lifecycle: Option<&'static str>,
    pub(crate) protected: bool,
    pub(crate) desired: i32,
    pub(crate) max: i32,
    /// `StandbyInstances` of an instance refresh that is under way.
    pub(crate) refresh: Option<&'static str>,
    /// ARN of the group's target group.
    pub(crate) target_group: Option<String>,
}

#[derive(Clone)]
pub(crate) struct AutoScaling(Arc<Mutex<Group>>);

impl AutoScaling {
    /// A group of which the instance is no member.
    pub(crate) fn of(aws: &ScriptedAws) -> Self {
        let group = Group { lifecycle: None, protected: false, desired: 2, max: 3, refresh: None, target_group: None };
        let scaling = Self(Arc::new(Mutex::new(group)));
        let served = scaling.clone();
        aws.on("autoscaling:*", move |call| served.serve(call));
        scaling
    }

    /// A group in which the instance has this state.
    pub(crate) fn with_member(aws: &ScriptedAws, lifecycle: &'static str) -> Self {
        let scaling = Self::of(aws);
        scaling.change(|group| group.lifecycle = Some(lifecycle));
        scaling
    }

    pub(crate) fn now(&self) -> Group {
        self.lock().clone()
    }

    pub(crate) fn change(&self, how: impl FnOnce(&mut Group)) {
        how(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Group> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        assert_eq!(call.headers["x-amz-security-token"], "session", "not with the credentials of the member account");
        let mut group = self.lock();
        let answered = match call.operation.as_str() {
            "DescribeAutoScalingInstances" => Ok(group.instances(call)),
            "DescribeAutoScalingGroups" => Ok(group.document()),
            "DescribeInstanceRefreshes" => Ok(group.refreshes()),
            "EnterStandby" => group.enter(call),
            "ExitStandby" => group.exit(call),
            "SetInstanceProtection" => group.protect(call),
            _ => return None,
        };
        Some(answered.map_or_else(|code| error(400, code), ok))
    }
}

impl Group {
    fn instances(&self, call: &Call) -> String {
        assert_eq!(call.param("InstanceIds.member.1"), INSTANCE);
        let member = self.lifecycle.map_or_else(String::new, |lifecycle| {
            format!(
                "<member><InstanceId>{INSTANCE}</InstanceId><AutoScalingGroupName>{GROUP}</AutoScalingGroupName><LifecycleState>\
                 {lifecycle}</LifecycleState><ProtectedFromScaleIn>{}</ProtectedFromScaleIn></member>",
                self.protected
            )
        });
        format!("<AutoScalingInstances>{member}</AutoScalingInstances>")
    }

    fn document(&self) -> String {
        let targets = self.target_group.as_ref().map(|arn| format!("<TargetGroupARNs><member>{arn}</member></TargetGroupARNs>"));
        let targets = targets.unwrap_or_default();
        format!(
            "<AutoScalingGroups><member><AutoScalingGroupName>{GROUP}</AutoScalingGroupName><DesiredCapacity>{}</DesiredCapacity>\
             <MaxSize>{}</MaxSize>{targets}<Instances><member><InstanceId>{INSTANCE}</InstanceId></member></Instances></member>\
             </AutoScalingGroups>",
            self.desired, self.max
        )
    }

    fn refreshes(&self) -> String {
        let refresh = self.refresh.map_or_else(String::new, |standby| {
            let preferences = format!("<Preferences><StandbyInstances>{standby}</StandbyInstances></Preferences>");
            format!("<member><Status>InProgress</Status>{preferences}</member>")
        });
        format!("<InstanceRefreshes>{refresh}</InstanceRefreshes>")
    }

    /// Asks for the member in one of the states that the call is for.
    fn expect(&self, call: &Call, states: &[&str]) -> Result<(), &'static str> {
        let is_its = call.param("InstanceIds.member.1") == INSTANCE && call.param("AutoScalingGroupName") == GROUP;
        let is_ready = self.lifecycle.is_some_and(|lifecycle| states.contains(&lifecycle));
        if is_its && is_ready { Ok(()) } else { Err("ValidationError") }
    }

    fn enter(&mut self, call: &Call) -> Result<String, &'static str> {
        self.expect(call, &["InService"])?;
        assert_eq!(call.param("ShouldDecrementDesiredCapacity"), "false", "the group needs a replacement");
        self.lifecycle = Some("Standby");
        Ok("<Activities></Activities>".to_owned())
    }

    fn exit(&mut self, call: &Call) -> Result<String, &'static str> {
        self.expect(call, &["Standby"])?;
        if self.desired >= self.max {
            return Err("ValidationError");
        }
        self.desired += 1;
        self.lifecycle = Some("Pending");
        Ok("<Activities></Activities>".to_owned())
    }

    fn protect(&mut self, call: &Call) -> Result<String, &'static str> {
        self.expect(call, &["InService", "EnteringStandby", "Standby"])?;
        self.protected = call.param("ProtectedFromScaleIn") == "true";
        Ok(String::new())
    }
}
